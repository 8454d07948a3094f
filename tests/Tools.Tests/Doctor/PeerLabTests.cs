// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.Tools.Tests.Doctor;

/// <summary>hikae doctor --peer between two hosts as they are: libvirtd, hikaed and its sidecars on both, certificates of one authority.</summary>
public sealed class PeerLabTests
{
    private const string Remedy = "start hikaed there";
    private const string CertificateRemedy = "certificates of one authority";

    [Fact]
    public void A_peer_is_ok_when_both_trust_each_other_and_else_it_is_said_what_is_amiss_and_how_to_mend_it()
    {
        Lab.RequireParts();
        using Lab lab = Lab.Up("doctor");

        Assert.All([Peer(lab.HostA, lab.HostB), Peer(lab.HostB, lab.HostA)], finding => AssertTrusted(finding));

        using (new ForeignCertificates(lab.HostB))
        {
            AssertFails(Peer(lab.HostA, lab.HostB), "No trust between this host and hostB: The remote certificate", CertificateRemedy);
            // Its authority is its own, too: it trusts nobody's certificate.
            AssertFails(Peer(lab.HostB, lab.HostA), "No trust between this host and hostA: The remote certificate", CertificateRemedy);
        }
        AssertTrusted(Peer(lab.HostA, lab.HostB));
        using (new ForeignCertificates(lab.HostA, keepAuthority: true))
        {
            // With TLS 1.3 whoever calls hears of the other's distrust only as an end of the connection.
            AssertFails(Peer(lab.HostA, lab.HostB), "it does not trust this host", CertificateRemedy);
            lab.Until("hostB has logged why", () => LogOf(lab.HostB).Contains("No trust between this host and [::ffff:10.77.2.11]", StringComparison.Ordinal));
        }

        StopHikaed(lab.HostB);
        AssertFails(Peer(lab.HostA, lab.HostB), "hostB cannot be reached: Connection refused", Remedy);
        lab.HostB.StartHikaed();
        lab.Until("hikaed answers again", () => Peer(lab.HostA, lab.HostB).Verdict == "ok");
        lab.HostB.Kill();
        AssertFails(Peer(lab.HostA, lab.HostB), "hostB cannot be reached: ", Remedy);
    }

    private static Line Peer(LabHost host, LabHost peer)
    {
        CommandResult doctor = host.TryRun("hikae", "doctor", "--json", "--peer", peer.Name);
        Line[] lines = JsonSerializer.Deserialize<Line[]>(doctor.Output, JsonSerializerOptions.Web)!;
        Line line = Assert.Single(lines, line => line.Subject == $"peer {peer.Name}");
        Assert.Equal(lines.Any(line => line.Verdict == "fail") ? 1 : 0, doctor.ExitCode);
        return line;
    }

    private static void AssertTrusted(Line line)
    {
        Assert.Equal("ok", line.Verdict);
        Assert.Contains("both hosts trust each other", line.Text, StringComparison.Ordinal);
        Assert.Null(line.Remedy);
    }

    private static void AssertFails(Line line, string text, string remedy)
    {
        Assert.Equal("fail", line.Verdict);
        Assert.Contains(text, line.Text, StringComparison.Ordinal);
        Assert.Contains(remedy, line.Remedy!, StringComparison.Ordinal);
    }

    private static string LogOf(LabHost host) => host.Shell("cat /var/log/hikae/*.log");

    private static void StopHikaed(LabHost host) =>
        host.Shell("pid=$(cat /run/hikaed.pid); kill -TERM $pid; while [ -e /proc/$pid ]; do sleep 0.05; done");

    private sealed record Line(string Subject, string Verdict, string Text, string? Remedy);
}
