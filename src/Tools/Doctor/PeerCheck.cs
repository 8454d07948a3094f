// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Protocol.Annotation;
using Hikae.Protocol.Configuration;
using Hikae.Tools.Libvirt;

namespace Hikae.Tools.Doctor;

/// <summary>hikaed of each host that running guests name as their backup can be reached.</summary>
/// <remarks>
/// The connection is closed before a byte is sent: hikaed then forgets it. Whether the peer's certificate is trusted shows
/// when a guest connects, because hikaed itself holds no keys; its sidecars do.
/// </remarks>
internal sealed class PeerCheck(VirshProgram virsh, LinkConfiguration link, IReadOnlyList<string> named) : IDoctorCheck
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

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

    private Finding Reach(HostAddress peer)
    {
        string subject = $"peer {peer.Host}";
        int port = peer.Port ?? link.Port;
        try
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            if (!socket.ConnectAsync(peer.Host, port).Wait(Patience))
            {
                return Finding.Fail(subject, $"port {port} does not answer", "open the port in the firewalls between both hosts");
            }

            return Finding.Ok(subject, $"port {port} answers");
        }
        catch (AggregateException e) when (e.InnerException is SocketException cause)
        {
            return Finding.Fail(subject, $"port {port}: {cause.Message}", "check the name, start hikaed there, open the port in the firewalls");
        }
    }
}
