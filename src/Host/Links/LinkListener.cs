// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net;
using System.Net.Sockets;
using Hikae.Host.Control;
using Hikae.Host.Sidecars;
using Hikae.Protocol.Control;
using Hikae.Protocol.Replication;
using Microsoft.Extensions.Logging;

namespace Hikae.Host.Links;

/// <summary>Accepts replication connections, reads the 24 bytes that say for which guest, and hands the socket to that guest's sidecar.</summary>
/// <remarks>
/// Anybody on the network can get here, and nothing they say is proven: TLS starts in the sidecar. Therefore: exactly 24 bytes are
/// read, within <see cref="PreambleLimit"/>; of more than <see cref="MaxPending"/> that have not sent them yet the oldest is closed, so that
/// silent connections cannot keep out one that speaks; and no more than <see cref="MaxUnproven"/> sidecars run whose primary has not
/// proven itself.
/// </remarks>
internal sealed class LinkListener(Socket listener, SidecarRegistry registry, SidecarSupervisor supervisor, TimeProvider clock, ILogger logger)
{
    public const int MaxPending = 16;

    /// <summary>A sidecar takes some tens of megabytes. Primaries whose turn it is not yet come again a second later.</summary>
    public const int MaxUnproven = 8;

    public static readonly TimeSpan PreambleLimit = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromSeconds(1);

    private readonly NewestConnections _pending = new(MaxPending);
    private readonly Lock _gate = new();

    // guarded by _gate
    private readonly HashSet<Guid> _starting = [];

    public static Socket Listen(IPAddress address, int port)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (address.AddressFamily == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = address.Equals(IPAddress.IPv6Any);
            }
            socket.Bind(new IPEndPoint(address, port));
            socket.Listen(128);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                Socket socket = await listener.AcceptAsync(cancellationToken).ConfigureAwait(false);
                _ = ServeAsync(socket, _pending.Enter(socket), cancellationToken);
            }
            catch (SocketException error)
            {
                logger.LinkAcceptFailed(error.Message);
                await Task.Delay(PauseAfterFailure, clock, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task ServeAsync(Socket socket, LinkedListNode<Socket> place, CancellationToken cancellationToken)
    {
        string peer = "an unknown peer";
        try
        {
            using (socket)
            {
                peer = socket.RemoteEndPoint?.ToString() ?? peer;
                Guid guest;
                try
                {
                    guest = await ReadPreambleAsync(socket, cancellationToken).ConfigureAwait(false);
                }
                finally
                {
                    _pending.Leave(place);
                }
                await HandOverAsync(socket, peer, guest, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (LinkRefusedException error)
        {
            logger.LinkRefused(peer, error.Message);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            logger.LinkRefused(peer, "it was reset, or made room for a newer one");
        }
        catch (OperationCanceledException)
        {
            // hikaed ends.
        }
    }

    /// <summary>On a thread of its own, blocking.</summary>
    /// <remarks>
    /// An asynchronous read registers the socket with this process's epoll, and the registration outlives the descriptor when the socket
    /// lives on in a sidecar: every packet of the link would then wake hikaed.
    /// </remarks>
    private Task<Guid> ReadPreambleAsync(Socket socket, CancellationToken cancellationToken) => Task.Factory.StartNew(
        () => ReadPreamble(socket, cancellationToken), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private Guid ReadPreamble(Socket socket, CancellationToken cancellationToken)
    {
        // Exactly so many: the byte after them belongs to TLS.
        Span<byte> bytes = stackalloc byte[Preamble.Bytes];
        int read = 0;
        // A source that has its own timer may be disposed while that fires; one that a timer of ours cancels may not.
        using var timeout = new CancellationTokenSource(PreambleLimit, clock);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        using CancellationTokenRegistration wake = limit.Token.UnsafeRegister(static peer => EndReading((Socket)peer!), socket);
        while (read < bytes.Length)
        {
            int received = socket.Receive(bytes[read..]);
            cancellationToken.ThrowIfCancellationRequested();
            if (limit.IsCancellationRequested)
            {
                throw new LinkRefusedException($"only {read} of {bytes.Length} bytes came within {PreambleLimit.TotalSeconds} s");
            }
            if (received == 0)
            {
                throw new LinkRefusedException($"it ended after {read} bytes");
            }
            read += received;
        }
        return Preamble.TryRead(bytes, out Guid guest, out string? reason) ? guest : throw new LinkRefusedException(reason!);
    }

    private static void EndReading(Socket socket)
    {
        try
        {
            socket.Shutdown(SocketShutdown.Receive);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // It is gone, and the read with it.
        }
    }

    private async Task HandOverAsync(Socket socket, string peer, Guid guest, CancellationToken cancellationToken)
    {
        var key = new SidecarKey(guest, GuestRole.Backup);
        RegisteredSidecar? sidecar = registry.Connected(key);
        if (sidecar is null)
        {
            lock (_gate)
            {
                if (_starting.Contains(guest))
                {
                    throw new LinkRefusedException("the guest's sidecar is being started for an earlier connection");
                }
                if (_starting.Count + registry.UnprovenBackups() >= MaxUnproven)
                {
                    throw new LinkRefusedException($"{MaxUnproven} sidecars wait for a primary that proves itself");
                }
                _starting.Add(guest);
            }
            try
            {
                sidecar = await supervisor.StartAndWaitAsync(key).ConfigureAwait(false);
            }
            finally
            {
                lock (_gate)
                {
                    _starting.Remove(guest);
                }
            }
        }
        cancellationToken.ThrowIfCancellationRequested();
        if (sidecar is null || !await sidecar.Connection.SendAsync(new Link(), socket).ConfigureAwait(false))
        {
            throw new LinkRefusedException("the guest's sidecar did not take it");
        }
        logger.LinkHandedOver(peer, guest);
    }
}
