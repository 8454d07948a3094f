// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Hikae.Native.Linux;

/// <summary>Bytes on a connected stream socket, by calls that never wait, whatever mode the runtime has put the descriptor into.</summary>
public static unsafe class StreamSocket
{
    /// <summary>Takes what there is and fits. 0 = the peer has closed its end. Null = nothing has come.</summary>
    /// <exception cref="LinuxException">The connection is broken.</exception>
    public static int? TryReceive(Socket socket, Span<byte> destination)
    {
        fixed (byte* start = destination)
        {
            while (true)
            {
                // SAFETY: the span is pinned, and the kernel writes at most its length.
                nint received = Syscall.recv(socket.SafeHandle, start, (nuint)destination.Length, Syscall.MSG_DONTWAIT);
                if (received >= 0)
                {
                    return (int)received;
                }
                if (!MustRepeat("recv"))
                {
                    return null;
                }
            }
        }
    }

    /// <summary>Gives as much to the kernel as it takes now, and returns how much that was.</summary>
    /// <exception cref="LinuxException">The connection is broken.</exception>
    public static int TrySend(Socket socket, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            while (true)
            {
                // SAFETY: the span is pinned, and the kernel reads at most its length.
                nint sent = Syscall.send(socket.SafeHandle, start, (nuint)bytes.Length, Syscall.MSG_DONTWAIT | Syscall.MSG_NOSIGNAL);
                if (sent >= 0)
                {
                    return (int)sent;
                }
                if (!MustRepeat("send"))
                {
                    return 0;
                }
            }
        }
    }

    /// <summary>True while the peer has not read everything that was sent. Unix sockets only.</summary>
    public static bool HasUnread(Socket socket)
    {
        int unread;

        // SAFETY: the kernel writes one int, a local.
        LinuxException.ThrowIfFailed(Syscall.ioctl(socket.SafeHandle, Syscall.TIOCOUTQ, &unread), "ioctl SIOCOUTQ");
        return unread > 0;
    }

    private static bool MustRepeat(string function)
    {
        int errno = Marshal.GetLastPInvokeError();
        return errno switch
        {
            Syscall.EINTR => true,
            Syscall.EAGAIN => false,
            _ => throw new LinuxException(function, errno),
        };
    }
}
