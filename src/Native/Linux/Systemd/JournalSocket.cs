// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;

namespace Hikae.Native.Linux.Systemd;

/// <summary>Where the journal takes entries with fields.</summary>
internal sealed class JournalSocket : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false };
    private readonly UnixDomainSocketEndPoint _address;

    public JournalSocket(string path) => _address = new UnixDomainSocketEndPoint(path);

    /// <summary>Never waits: a journal that stands still must not make a guest stand still. Any thread may call it.</summary>
    /// <returns>
    /// <see cref="SocketError.Success"/>; <see cref="SocketError.WouldBlock"/> or <see cref="SocketError.NoBufferSpaceAvailable"/> when the journal does not
    /// read; else why it cannot be had, for example <see cref="SocketError.MessageSize"/>.
    /// </returns>
    public SocketError Send(ReadOnlySpan<byte> entry)
    {
        try
        {
            // By address, not connected: a journal that was started anew is found again.
            _socket.SendTo(entry, SocketFlags.None, _address);
            return SocketError.Success;
        }
        catch (SocketException error)
        {
            return error.SocketErrorCode;
        }
        catch (ObjectDisposedException)
        {
            return SocketError.Shutdown;
        }
    }

    public void Dispose() => _socket.Dispose();
}
