// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Native.Linux;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Disk.Nbd;

/// <summary>Serves one export to whoever connects to a listening unix socket.</summary>
/// <remarks>
/// The socket may be shared with another process, which keeps it when this one ends: so it is never shut down here, only closed, and nobody
/// may be blocked in it at that time. Hence the thread that accepts looks up several times a second.
/// </remarks>
internal sealed class NbdServer : IDisposable
{
    /// <summary>For threads that only move bytes.</summary>
    public const int StackBytes = 256 << 10;

    private const int PollMicroseconds = 100_000;

    private readonly Socket _listener;
    private readonly INbdExport _export;
    private readonly ILogger _logger;
    private readonly Thread _accepting;
    private readonly Lock _gate = new();
    private readonly Dictionary<NbdConnection, Thread> _connections = [];
    private volatile bool _ends;

    /// <param name="listener">This object's from now on.</param>
    /// <param name="export">Must outlive this.</param>
    /// <param name="logger">Gets a line for each client that breaks the protocol.</param>
    public NbdServer(Socket listener, INbdExport export, ILogger logger)
    {
        _listener = listener;
        _export = export;
        _logger = logger;
        AcceptedSocket.Prepare(listener);
        _accepting = new Thread(Accept, StackBytes) { IsBackground = true, Name = "nbd accept" };
        _accepting.Start();
    }

    /// <summary>Ends every connection and waits for what they had taken.</summary>
    public void Dispose()
    {
        _ends = true;
        _accepting.Join();
        _listener.Dispose();
        KeyValuePair<NbdConnection, Thread>[] left;
        lock (_gate)
        {
            left = [.. _connections];
        }

        foreach ((NbdConnection connection, Thread thread) in left)
        {
            connection.Close();
            thread.Join();
        }
    }

    private void Accept()
    {
        while (!_ends)
        {
            try
            {
                if (_listener.Poll(PollMicroseconds, SelectMode.SelectRead) && AcceptedSocket.TryAccept(_listener) is { } socket)
                {
                    Begin(socket);
                }
            }
            catch (Exception error) when (error is SocketException or LinuxException)
            {
                // Out of descriptors or memory, most likely: that passes, while a server that stopped listening would not.
                _logger.DiskClientRefused(_export.Name, error.Message);
                Thread.Sleep(TimeSpan.FromMicroseconds(PollMicroseconds));
            }
        }
    }

    private void Begin(AcceptedSocket socket)
    {
        var connection = new NbdConnection(socket, _export);
        lock (_gate)
        {
            if (_connections.Count >= NbdLimits.MaxConnections)
            {
                _logger.DiskClientRefused(_export.Name, $"{NbdLimits.MaxConnections} clients are connected already");
                connection.Dispose();
                return;
            }

            var thread = new Thread(() => Run(connection), StackBytes) { IsBackground = true, Name = "nbd client" };
            _connections.Add(connection, thread);
            thread.Start();
        }
    }

    private void Run(NbdConnection connection)
    {
        try
        {
            connection.Run();
        }
        catch (NbdProtocolException error)
        {
            _logger.DiskClientRefused(_export.Name, error.Message);
        }
        catch (Exception end) when (NbdErrors.IsEnd(end))
        {
        }
        catch (Exception error)
        {
            _logger.Unexpected(error.Message, error);
        }
        finally
        {
            lock (_gate)
            {
                _connections.Remove(connection);
            }

            connection.Dispose();
        }
    }
}
