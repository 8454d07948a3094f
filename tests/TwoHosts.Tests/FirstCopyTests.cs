// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.Text.RegularExpressions;
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.TwoHosts.Tests;

public sealed partial class FirstCopyTests(SharedLab shared) : LabTest(shared)
{
    // 64 MiB are copied ahead of the link. The rest of the noise takes the link ten times as long as what the figure grows by at a time, 4 MiB.
    private const int NoiseMiB = 112;
    private const string Limit = "rate 4mbit burst 32kb latency 50ms";

    [Fact]
    public void The_status_shows_how_far_the_first_copy_is_until_the_guest_is_protected()
    {
        LabGuest guest = Lab.StartGuest("large", Quiet with { Protect = null, MemoryMiB = 256, Nic = true, App = "idle" });
        guest.Run($"mount -t tmpfs -o size=200m tmpfs /tmp && dd if=/dev/urandom of=/tmp/noise bs=1M count={NoiseMiB}");
        HostA.Shell($"tc qdisc add dev repl0 root tbf {Limit}");
        try
        {
            HostA.Hikae("enable", guest.Name, "--backup", "hostB");

            int first = Copied(WaitForCopied(guest, 0).Reason)!.Value;
            int? shown = Copied(HostA.Hikae("status"));
            int? scripted = Copied(HostA.Hikae("status", "--json"));
            GuestReport later = WaitForCopied(guest, (scripted ?? 100) + 1);

            Assert.InRange(first, 0, 99);
            Assert.InRange(shown ?? -1, first, 99);
            Assert.InRange(scripted ?? -1, shown ?? 100, 99);
            Assert.Equal("synchronising", later.State);
        }
        finally
        {
            HostA.Shell("tc qdisc del dev repl0 root");
        }
        Assert.Null(Copied(guest.WaitForProtected(HostA).Reason));
        Assert.Null(Copied(HostA.Hikae("status")));
    }

    private GuestReport WaitForCopied(LabGuest guest, int least) => guest.WaitForReport(
        HostA, $"copying, at least {least} % done", report => Copied(report.Reason) is int percent && percent >= least);

    private static int? Copied(string text) => Percent().Match(text) is { Success: true } match
        ? int.Parse(match.Groups["percent"].Value, CultureInfo.InvariantCulture)
        : null;

    [GeneratedRegex(@"the first checkpoint is on its way, (?<percent>\d+) % copied")]
    private static partial Regex Percent();
}
