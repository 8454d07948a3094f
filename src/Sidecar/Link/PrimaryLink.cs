// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Protocol.Configuration;
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.Link;

/// <summary>The primary's end of a replication link: connected, trusted, and welcomed by the backup.</summary>
internal sealed class PrimaryLink : IDisposable
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(3);

    // The backup's sidecar may have to be started first.
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    private PrimaryLink(RecordConnection connection, Welcome welcome)
    {
        Connection = connection;
        Welcome = welcome;
    }

    public RecordConnection Connection { get; }

    public Welcome Welcome { get; }

    /// <summary>
    /// Connects to the backup's daemon, which hands the connection to the guest's sidecar there.
    /// Throws <see cref="PeerLostException"/> when it cannot be reached or trusted, <see cref="NotProtectableException"/> when it refuses.
    /// </summary>
    public static PrimaryLink Connect(HostAddress backup, LinkConfiguration configuration, Hello hello, CancellationToken cancellationToken)
    {
        Socket socket = ConnectSocket(backup, configuration.Port, cancellationToken);
        RecordConnection? connection = null;
        // No token reaches the blocking calls below; the closed socket does.
        using CancellationTokenRegistration ended = cancellationToken.Register(socket.Dispose);
        try
        {
            Span<byte> preamble = stackalloc byte[Preamble.Bytes];
            Preamble.Write(preamble, hello.Guest);
            socket.SendTimeout = socket.ReceiveTimeout = (int)HandshakeTimeout.TotalMilliseconds;
            socket.Send(preamble);

            Stream stream = new LinkTls(configuration).AuthenticateAsClient(new NetworkStream(socket), backup.Host);
            connection = new RecordConnection(stream, socket);
            connection.Send(RecordType.Hello, 0, ReplicationJson.Write(hello));
            RecordHeader header = ReceiveAnswer(connection, backup, out ReadOnlySpan<byte> payload);
            Welcome welcome = header.Type switch
            {
                RecordType.Welcome => ReplicationJson.Read<Welcome>(payload),
                RecordType.Refuse => throw new NotProtectableException($"{backup} refuses: {ReplicationJson.Read<Refuse>(payload).Reason}"),
                _ => throw new ReplicationProtocolException($"a {header.Type} record where Welcome was expected"),
            };
            if (ReplicationVersion.Agree(welcome.Version, welcome.Version) != welcome.Version)
            {
                throw new NotProtectableException($"{backup} chose protocol version {welcome.Version}, which this host does not speak");
            }
            socket.SendTimeout = 0;
            connection.SilenceLimit = configuration.DetectAfter;
            return new PrimaryLink(connection, welcome);
        }
        catch (Exception error)
        {
            connection?.Dispose();
            socket.Dispose();
            if (error is SocketException or ObjectDisposedException or ReplicationProtocolException)
            {
                throw new PeerLostException($"The handshake with {backup} failed: {error.Message}", error);
            }
            throw;
        }
    }

    public void Dispose() => Connection.Dispose();

    /// <summary>With TLS 1.3 the backup looks at this host's certificate after this side is content: all that is seen here is the end of the connection.</summary>
    private static RecordHeader ReceiveAnswer(RecordConnection connection, HostAddress backup, out ReadOnlySpan<byte> payload)
    {
        try
        {
            return connection.Receive(out payload);
        }
        catch (PeerLostException error) when (!error.IsSilence)
        {
            throw new PeerLostException(
                $"{backup} ended the connection without an answer: no sidecar could take it there, or it does not trust this host (its log says which)", error);
        }
    }

    private static Socket ConnectSocket(HostAddress backup, int defaultPort, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(ConnectTimeout);
        try
        {
            socket.ConnectAsync(backup.Host, backup.Port ?? defaultPort, timeout.Token).AsTask().GetAwaiter().GetResult();
            return socket;
        }
        catch (Exception error) when (error is SocketException or OperationCanceledException)
        {
            socket.Dispose();
            cancellationToken.ThrowIfCancellationRequested();
            string detail = error is SocketException ? error.Message : $"no answer within {ConnectTimeout.TotalSeconds:0} s";
            throw new PeerLostException($"{backup} cannot be reached: {detail}", error);
        }
    }
}
