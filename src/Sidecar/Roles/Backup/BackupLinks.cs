// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using Hikae.Sidecar.Link;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar;

/// <summary>Welcomes the connections that the daemon hands over, and queues those whose peer is trusted.</summary>
/// <remarks>Until a peer is trusted it changes nothing: anybody who reaches the port could otherwise end a replica.</remarks>
internal sealed class BackupLinks : IDisposable
{
    // Peers that have not yet shown who they are. Each takes a thread for ten seconds at most.
    private const int MaxHandshakes = 4;
    private const int MaxWaiting = 4;

    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(5);

    private readonly SidecarOptions _options;
    private readonly ILogger _logger;
    private readonly BlockingCollection<BackupLink> _links = new(MaxWaiting);
    private int _handshakes;

    public BackupLinks(SidecarOptions options, DaemonClient daemon, ILogger logger)
    {
        _options = options;
        _logger = logger;
        daemon.LinkOffered += OnLink;
    }

    /// <summary>A trusted link came: whoever holds the old one is this guest's primary too, and has given it up. On a handshake's thread.</summary>
    public event Action<BackupLink>? Arrived;

    /// <summary>A peer was turned away, for this reason. On a handshake's thread.</summary>
    public event Action<string>? Refused;

    /// <summary>True when a trusted link waits.</summary>
    public bool Any => _links.Count > 0;

    /// <summary>False when none came within <paramref name="longest"/>. Whoever takes a link disposes it.</summary>
    public bool TryTake(out BackupLink? link, TimeSpan longest, CancellationToken cancellationToken) =>
        _links.TryTake(out link, (int)longest.TotalMilliseconds, cancellationToken);

    /// <summary>Waits for a trusted link without taking it.</summary>
    public bool Wait(TimeSpan longest, CancellationToken cancellationToken)
    {
        long started = Stopwatch.GetTimestamp();
        while (!Any)
        {
            if (Stopwatch.GetElapsedTime(started) >= longest)
            {
                return false;
            }
            cancellationToken.ThrowIfCancellationRequested();
            Thread.Sleep(PollInterval);
        }
        return true;
    }

    public void Dispose()
    {
        while (_links.TryTake(out BackupLink? link))
        {
            link.Dispose();
        }
        _links.Dispose();
    }

    private void OnLink(Socket socket)
    {
        if (Interlocked.Increment(ref _handshakes) > MaxHandshakes)
        {
            Interlocked.Decrement(ref _handshakes);
            socket.Dispose();
            return;
        }
        new Thread(() => Welcome(socket)) { IsBackground = true, Name = "handshake" }.Start();
    }

    private void Welcome(Socket socket)
    {
        try
        {
            BackupLink link = BackupLink.Accept(socket, _options.Guest, _options.Configuration.HostName, _options.Configuration.Link);
            if (!_links.TryAdd(link))
            {
                link.Dispose();
                return;
            }
            Arrived?.Invoke(link);
        }
        catch (Exception error) when (error is PeerLostException or NotProtectableException)
        {
            _logger.PeerLost(error.Message);
            Refused?.Invoke(error.Message);
        }
        catch (Exception error)
        {
            // This thread must not end the process for one peer.
            socket.Dispose();
            _logger.Unexpected(error.Message, error);
        }
        finally
        {
            Interlocked.Decrement(ref _handshakes);
        }
    }
}
