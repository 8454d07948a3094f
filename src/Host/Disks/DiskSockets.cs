// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Native.Linux;
using Hikae.Protocol.Control;

namespace Hikae.Host.Disks;

/// <summary>The sockets at which QEMU reaches its disks, kept open here so that a killed sidecar's successor finds QEMU waiting at them.</summary>
/// <remarks>
/// hikaed never accepts on them. QEMU tries again 1, 2, 4 … s after a refused connection, but a connection to a listening socket without an accepting
/// process succeeds at once and is served as soon as there is one.
/// </remarks>
internal sealed class DiskSockets : IDisposable
{
    /// <summary>More than guests of one host have disks.</summary>
    public const int MaxSockets = 16384;

    // QEMU opens one or two connections a disk; more only wait for the accepting process.
    private const int Backlog = 16;

    private readonly Lock _gate = new();

    // guarded by _gate
    private readonly Dictionary<string, (Guid Guest, Socket Socket)> _sockets = new(StringComparer.Ordinal);
    private bool _isDisposed;

    /// <summary>The listening socket of a path; it stays this object's.</summary>
    /// <exception cref="ControlProtocolException">The path is not one of ours, or there are too many.</exception>
    /// <exception cref="IOException">It cannot be made.</exception>
    public Socket Open(Listen wanted)
    {
        if (!Path.IsPathFullyQualified(wanted.Path) || !Path.GetFileName(wanted.Path).StartsWith("hikae-", StringComparison.Ordinal))
        {
            throw new ControlProtocolException("A disk's socket is an absolute path whose file name begins with \"hikae-\".");
        }
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_sockets.TryGetValue(wanted.Path, out (Guid Guest, Socket Socket) known))
            {
                if (known.Guest == wanted.Guest && File.Exists(wanted.Path))
                {
                    return known.Socket;
                }
                known.Socket.Dispose();
                _sockets.Remove(wanted.Path);
            }
            if (_sockets.Count >= MaxSockets)
            {
                throw new ControlProtocolException($"More than {MaxSockets} sockets.");
            }
            Socket made = OwnedListener.Open(wanted.Path, new FileOwner(wanted.Uid, wanted.Gid), Backlog);
            _sockets.Add(wanted.Path, (wanted.Guest, made));
            return made;
        }
    }

    /// <summary>The guest is gone, or its disks are its own again.</summary>
    public void Close(Guid guest)
    {
        lock (_gate)
        {
            foreach (string path in _sockets.Where(entry => entry.Value.Guest == guest).Select(entry => entry.Key).ToList())
            {
                _sockets[path].Socket.Dispose();
                _sockets.Remove(path);
                TryDelete(path);
            }
        }
    }

    /// <summary>Closes them without removing their files: the next hikaed makes new ones when it is asked.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            foreach ((_, Socket socket) in _sockets.Values)
            {
                socket.Dispose();
            }
            _sockets.Clear();
        }
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // libvirt removes the folder with the domain.
        }
    }
}
