// SPDX-License-Identifier: LGPL-2.1-or-later
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Hikae.Protocol.Annotation;
using Hikae.Protocol.Configuration;
using Hikae.Tools.Libvirt;

namespace Hikae.Tools.Doctor;

/// <summary>Each host that running guests name as their backup can be reached, and both sides trust each other.</summary>
/// <remarks>A sidecar tries it: hikaed holds no keys.</remarks>
internal sealed class PeerCheck(VirshProgram virsh, Surroundings surroundings, Distribution distribution, int defaultPort, IReadOnlyList<string> named) : IDoctorCheck
{
    // The sidecar gives up by itself after 3 s to connect and 10 s of handshake.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public IEnumerable<Finding> Run()
    {
        List<HostAddress> peers = [];
        foreach (string name in named)
        {
            if (HostAddress.TryParse(name, out HostAddress? peer))
            {
                peers.Add(peer);
            }
            else
            {
                yield return Finding.Fail("peer", $"\"{name}\" is no host", "use --peer HOST or --peer HOST:PORT");
            }
        }

        peers.AddRange(BackupsOfRunningGuests());
        foreach (HostAddress peer in peers.Distinct())
        {
            yield return Reach(peer);
        }
    }

    private List<HostAddress> BackupsOfRunningGuests()
    {
        List<HostAddress> backups = [];
        try
        {
            foreach (string guest in virsh.RunningGuests())
            {
                if (ProtectAnnotation.TryParse(virsh.Xml(guest, inactive: false), out ProtectAnnotation? annotation, out _) == AnnotationOutcome.Valid)
                {
                    backups.Add(annotation!.Backup);
                }
            }
        }
        catch (VirshException)
        {
            // LibvirtCheck reports it; a guest may also have ended since it was listed.
        }

        return backups;
    }

    private string Remedy(HostAddress peer) =>
        $"check the name, start hikaed there, open the port in the firewalls ({string.Format(CultureInfo.InvariantCulture, distribution.OpenPort, peer.Port ?? defaultPort)}), "
        + "give both hosts certificates of one authority with their names in them";

    private Finding Reach(HostAddress peer)
    {
        string subject = $"peer {peer.Host}";
        try
        {
            using Process probe = Process.Start(new ProcessStartInfo(
                surroundings.Sidecar,
                ["probe", "--config", surroundings.ConfigurationFile, "--", peer.ToString()])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            Task<string> errors = probe.StandardError.ReadToEndAsync();
            Task<string> answer = probe.StandardOutput.ReadToEndAsync();
            if (!probe.WaitForExit(Patience))
            {
                probe.Kill();
                return Finding.Fail(subject, $"no answer within {Patience.TotalSeconds:0} s", Remedy(peer));
            }
            string text = (answer.Result + errors.Result).Trim();
            return probe.ExitCode == 0 ? Finding.Ok(subject, text) : Finding.Fail(subject, text, Remedy(peer));
        }
        catch (Win32Exception error)
        {
            return Finding.Fail(subject, $"{surroundings.Sidecar} cannot be run: {error.Message}", distribution.ReinstallHikae);
        }
    }
}
