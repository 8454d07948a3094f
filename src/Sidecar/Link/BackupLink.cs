// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Protocol.Configuration;
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.Link;

/// <summary>The backup's end of a replication link: trusted, and the primary welcomed.</summary>
internal sealed class BackupLink : IDisposable
{
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    private BackupLink(RecordConnection connection, Hello hello, int version)
    {
        Connection = connection;
        Hello = hello;
        Version = version;
    }

    public RecordConnection Connection { get; }

    public Hello Hello { get; }

    /// <summary>The protocol version that both speak.</summary>
    public int Version { get; }

    /// <summary>
    /// Takes over a connection whose preamble the daemon has read. Throws <see cref="PeerLostException"/> when the peer is not trusted,
    /// speaks no version of ours, or names another guest than its preamble; it has then been told why, where it could be.
    /// </summary>
    public static BackupLink Accept(Socket socket, Guid guest, string hostName, LinkConfiguration configuration)
    {
        RecordConnection? connection = null;
        // The receive timeout bounds one read; a peer that sends a byte at a time must not stay for ever either.
        using var deadline = new Timer(static state => ((Socket)state!).Dispose(), socket, HandshakeTimeout, Timeout.InfiniteTimeSpan);
        try
        {
            socket.NoDelay = true;
            socket.SendTimeout = socket.ReceiveTimeout = (int)HandshakeTimeout.TotalMilliseconds;
            Stream stream = new LinkTls(configuration).AuthenticateAsServer(new NetworkStream(socket), socket.RemoteEndPoint?.ToString() ?? "the peer");
            connection = new RecordConnection(stream, socket);
            RecordHeader header = connection.Receive(out ReadOnlySpan<byte> payload);
            if (header.Type is not RecordType.Hello)
            {
                throw Refusal(connection, "version", $"a {header.Type} record where Hello was expected");
            }
            Hello hello = ReplicationJson.Read<Hello>(payload);
            if (hello.Guest != guest)
            {
                throw Refusal(connection, "guest", $"the connection was opened for guest {guest}, but Hello names {hello.Guest}");
            }
            if (ReplicationVersion.Agree(hello.OldestVersion, hello.Version) is not { } version)
            {
                throw Refusal(
                    connection,
                    "version",
                    $"{hello.Host} speaks protocol versions {hello.OldestVersion} to {hello.Version}, {hostName} speaks {ReplicationVersion.Oldest} to {ReplicationVersion.Current}");
            }
            int detectMs = (int)configuration.DetectAfter.TotalMilliseconds;
            connection.Send(RecordType.Welcome, 0, ReplicationJson.Write(new Welcome(version, hostName, detectMs)));
            socket.SendTimeout = 0;
            connection.SilenceLimit = configuration.DetectAfter;
            return new BackupLink(connection, hello, version);
        }
        catch (Exception error)
        {
            connection?.Dispose();
            socket.Dispose();
            if (error is SocketException or ObjectDisposedException or ReplicationProtocolException)
            {
                throw new PeerLostException($"The handshake failed: {error.Message}", error);
            }
            throw;
        }
    }

    public void Dispose() => Connection.Dispose();

    private static PeerLostException Refusal(RecordConnection connection, string code, string reason)
    {
        connection.Send(RecordType.Refuse, 0, ReplicationJson.Write(new Refuse(code, reason)));
        return new PeerLostException($"Refused the peer: {reason}");
    }
}
