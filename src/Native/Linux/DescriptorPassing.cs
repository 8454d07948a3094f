// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hikae.Native.Linux;

/// <summary>Bytes on a unix socket, some of which carry an open descriptor (SCM_RIGHTS).</summary>
/// <remarks>
/// A descriptor arrives together with the first byte of the message that it was sent with. An ordinary read over that byte drops it without
/// a word, so whoever expects descriptors on a socket reads all of it with <see cref="Receive"/>. Both calls wait like those of a blocking
/// socket, whatever mode the runtime has put the descriptor into, and honour the socket's send and receive timeouts.
/// </remarks>
public static unsafe class DescriptorPassing
{
    // One is all we ever accept; the room for more lets us see, and close, what a peer sends against the rules.
    private const int ControlBytes = 256;

    /// <summary>Sends all of <paramref name="bytes"/>, at least one, and a duplicate of <paramref name="descriptor"/> with the first of them.</summary>
    public static void Send(Socket socket, ReadOnlySpan<byte> bytes, SafeHandle descriptor)
    {
        if (bytes.IsEmpty)
        {
            throw new ArgumentException("A descriptor travels with at least one byte.", nameof(bytes));
        }

        bool added = false;
        try
        {
            descriptor.DangerousAddRef(ref added);
            int sent = SendFirst(socket, bytes, (int)descriptor.DangerousGetHandle());
            while (sent < bytes.Length)
            {
                sent += socket.Send(bytes[sent..]);
            }
        }
        finally
        {
            if (added)
            {
                descriptor.DangerousRelease();
            }
        }
    }

    /// <summary>Waits for bytes and takes as many as there are and fit. 0 = the peer has closed its end.</summary>
    /// <param name="socket">A connected unix stream socket.</param>
    /// <param name="buffer">Where the bytes go; not empty.</param>
    /// <param name="descriptor">The descriptor that came with the bytes, close-on-exec, now the caller's; else null.</param>
    /// <exception cref="InvalidDataException">More than one descriptor came. All of them are closed.</exception>
    public static int Receive(Socket socket, Span<byte> buffer, out SafeFileHandle? descriptor)
    {
        byte* control = stackalloc byte[ControlBytes];
        fixed (byte* start = buffer)
        {
            var vector = new Syscall.iovec { iov_base = start, iov_len = (nuint)buffer.Length };
            while (true)
            {
                var message = new Syscall.msghdr { msg_iov = &vector, msg_iovlen = 1, msg_control = control, msg_controllen = ControlBytes };

                // SAFETY: the buffer is pinned and the control area is a local until the call returns; the kernel writes no more than the
                // lengths given with them.
                nint received = Syscall.recvmsg(socket.SafeHandle, &message, Syscall.MSG_DONTWAIT | Syscall.MSG_CMSG_CLOEXEC);
                if (received >= 0)
                {
                    descriptor = TakeDescriptor(&message);
                    return (int)received;
                }

                WaitAfterError("recvmsg", socket, Syscall.POLLIN, socket.ReceiveTimeout);
            }
        }
    }

    /// <summary>The socket behind a received descriptor, in blocking mode. It belongs to the result from now on; when this throws, it is closed.</summary>
    /// <remarks>
    /// A sender that used the socket asynchronously has left O_NONBLOCK on it, which belongs to the open file and so arrives with it:
    /// every blocking call on a Socket made of that would be refused.
    /// </remarks>
    /// <exception cref="SocketException">The descriptor is not a socket.</exception>
    public static Socket ToSocket(SafeFileHandle descriptor)
    {
        var handle = new SafeSocketHandle(descriptor.DangerousGetHandle(), ownsHandle: true);
        descriptor.SetHandleAsInvalid();
        Socket? socket = null;
        try
        {
            int flags = Syscall.fcntl(handle, Syscall.F_GETFL, 0);
            if (flags >= 0 && (flags & Syscall.O_NONBLOCK) != 0)
            {
                _ = Syscall.fcntl(handle, Syscall.F_SETFL, flags & ~Syscall.O_NONBLOCK);
            }
            socket = new Socket(handle);

            // The constructor takes any descriptor without a word.
            _ = socket.GetRawSocketOption(Syscall.SOL_SOCKET, Syscall.SO_TYPE, stackalloc byte[sizeof(int)]);
            return socket;
        }
        catch
        {
            socket?.Dispose();
            handle.Dispose();
            throw;
        }
    }

    private static int SendFirst(Socket socket, ReadOnlySpan<byte> bytes, int descriptor)
    {
        int space = Syscall.CMSG_SPACE(sizeof(int));
        byte* control = stackalloc byte[space];
        new Span<byte>(control, space).Clear();
        *(Syscall.cmsghdr*)control = new Syscall.cmsghdr
        {
            cmsg_len = (nuint)Syscall.CMSG_LEN(sizeof(int)),
            cmsg_level = Syscall.SOL_SOCKET,
            cmsg_type = Syscall.SCM_RIGHTS,
        };
        *(int*)(control + Syscall.CMSG_LEN(0)) = descriptor;

        fixed (byte* start = bytes)
        {
            var vector = new Syscall.iovec { iov_base = start, iov_len = (nuint)bytes.Length };
            var message = new Syscall.msghdr { msg_iov = &vector, msg_iovlen = 1, msg_control = control, msg_controllen = (nuint)space };
            while (true)
            {
                // SAFETY: bytes are pinned, the control area is a local, and the caller holds a reference to the descriptor.
                nint sent = Syscall.sendmsg(socket.SafeHandle, &message, Syscall.MSG_DONTWAIT | Syscall.MSG_NOSIGNAL);
                if (sent >= 0)
                {
                    return (int)sent;
                }

                WaitAfterError("sendmsg", socket, Syscall.POLLOUT, socket.SendTimeout);
            }
        }
    }

    private static void WaitAfterError(string function, Socket socket, short events, int timeoutMs)
    {
        int errno = Marshal.GetLastPInvokeError();
        if (errno == Syscall.EINTR)
        {
            return;
        }

        if (errno != Syscall.EAGAIN)
        {
            throw new LinuxException(function, errno);
        }

        SafeSocketHandle handle = socket.SafeHandle;
        bool added = false;
        try
        {
            handle.DangerousAddRef(ref added);
            var waited = new Syscall.pollfd { fd = (int)handle.DangerousGetHandle(), events = events };

            // SAFETY: one pollfd, a local; the descriptor cannot be closed while we hold a reference.
            int ready = Syscall.poll(&waited, 1, timeoutMs > 0 ? timeoutMs : -1);
            if (ready == 0)
            {
                throw new SocketException((int)SocketError.TimedOut);
            }

            if (ready < 0 && Marshal.GetLastPInvokeError() != Syscall.EINTR)
            {
                LinuxException.ThrowLastError("poll");
            }
        }
        finally
        {
            if (added)
            {
                handle.DangerousRelease();
            }
        }
    }

    private static SafeFileHandle? TakeDescriptor(Syscall.msghdr* message)
    {
        SafeFileHandle? first = null;
        int count = 0;
        nuint offset = 0;
        while (offset + (nuint)sizeof(Syscall.cmsghdr) <= message->msg_controllen)
        {
            byte* at = (byte*)message->msg_control + offset;
            var header = (Syscall.cmsghdr*)at;
            if (header->cmsg_len < (nuint)sizeof(Syscall.cmsghdr))
            {
                break;
            }

            if (header->cmsg_level == Syscall.SOL_SOCKET && header->cmsg_type == Syscall.SCM_RIGHTS)
            {
                // SAFETY: the kernel wrote this header, and its length covers whole descriptors inside the control area.
                int descriptors = ((int)header->cmsg_len - Syscall.CMSG_LEN(0)) / sizeof(int);
                for (int i = 0; i < descriptors; i++, count++)
                {
                    int descriptor = ((int*)(at + Syscall.CMSG_LEN(0)))[i];
                    if (first is null)
                    {
                        first = new SafeFileHandle(descriptor, ownsHandle: true);
                    }
                    else
                    {
                        _ = Syscall.close(descriptor);
                    }
                }
            }

            offset += (nuint)Syscall.CMSG_ALIGN((int)header->cmsg_len);
        }

        bool truncated = (message->msg_flags & Syscall.MSG_CTRUNC) != 0;
        if (count > 1 || truncated)
        {
            first?.Dispose();
            throw new InvalidDataException($"The peer sent {(truncated ? "more descriptors than fit" : $"{count} descriptors")} where at most one is allowed.");
        }

        return first;
    }
}
