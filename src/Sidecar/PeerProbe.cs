// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Configuration;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Link;

namespace Hikae.Sidecar;

/// <summary>Tries whether this host and another trust each other, by a whole handshake for a guest that does not exist.</summary>
/// <remarks>
/// hikaed holds no keys, so only a sidecar on each side can tell. The other host starts one for the UUID of zeros, which holds nothing
/// and ends with the goodbye.
/// </remarks>
internal static class PeerProbe
{
    private const int Trusted = 0;
    private const int NotTrusted = 1;

    /// <summary>Prints one sentence, and returns 0 when both sides trust each other and speak a common version.</summary>
    public static int Run(HostAddress peer, HikaeConfiguration configuration, TextWriter output)
    {
        var hello = new Hello(
            ReplicationVersion.Current,
            ReplicationVersion.Oldest,
            Guid.Empty,
            "hikae doctor",
            configuration.HostName,
            Generation: 0,
            (int)configuration.Link.DetectAfter.TotalMilliseconds);
        try
        {
            using PrimaryLink link = PrimaryLink.Connect(peer, configuration.Link, hello, CancellationToken.None);
            link.Connection.Send(RecordType.Bye, 0, ReplicationJson.Write(new Bye("ended")));
            output.WriteLine($"{link.Welcome.Host} answers, both hosts trust each other, protocol version {link.Welcome.Version}");
            return Trusted;
        }
        catch (Exception error) when (error is PeerLostException or NotProtectableException)
        {
            output.WriteLine(error.Message);
            return NotTrusted;
        }
    }
}
