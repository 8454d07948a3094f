// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hikae.Native.Linux;

/// <summary>A connection that a listening socket accepted, used by plain blocking calls.</summary>
/// <remarks>
/// The runtime's own sockets stay off it: a socket accepted from a listener that does not block is served by the runtime's event loop and its
/// thread pool even when its caller blocks, which costs several switches of threads for each message. Waiting in a system call costs one.
/// </remarks>
public sealed unsafe class AcceptedSocket : IDisposable
{
    private readonly SafeFileHandle _handle;

    private AcceptedSocket(SafeFileHandle handle) => _handle = handle;

    /// <summary>How long <see cref="Receive"/> waits; null = for ever.</summary>
    public TimeSpan? Patience { get; set; }

    /// <summary>Makes <see cref="TryAccept"/> never wait, also when the listening socket is shared and another process was faster.</summary>
    public static void Prepare(Socket listener)
    {
        int flags = Syscall.fcntl(listener.SafeHandle, Syscall.F_GETFL, 0);
        LinuxException.ThrowIfFailed(flags, "fcntl(F_GETFL)");
        LinuxException.ThrowIfFailed(Syscall.fcntl(listener.SafeHandle, Syscall.F_SETFL, flags | Syscall.O_NONBLOCK), "fcntl(F_SETFL)");
    }

    /// <summary>The next connection. Null: there is none.</summary>
    public static AcceptedSocket? TryAccept(Socket listener)
    {
        // SAFETY: no address is asked for.
        int descriptor = Syscall.accept4(listener.SafeHandle, null, null, Syscall.SOCK_CLOEXEC);
        if (descriptor >= 0)
        {
            return new AcceptedSocket(new SafeFileHandle(descriptor, ownsHandle: true));
        }

        int errno = Marshal.GetLastPInvokeError();
        return errno is Syscall.EAGAIN or Syscall.EINTR or Syscall.ECONNABORTED ? null : throw new LinuxException("accept4", errno);
    }

    /// <summary>Waits for bytes and takes as many as there are and fit. 0 = the peer has closed its end.</summary>
    /// <exception cref="LinuxException">The connection is broken.</exception>
    /// <exception cref="TimeoutException">Nothing came within <see cref="Patience"/>.</exception>
    public int Receive(Span<byte> destination)
    {
        fixed (byte* start = destination)
        {
            while (true)
            {
                if (Patience is { } patience)
                {
                    AwaitBytes(patience);
                }

                // SAFETY: the span is pinned, and the kernel writes at most its length.
                nint received = Syscall.recv(_handle, start, (nuint)destination.Length, 0);
                if (received >= 0)
                {
                    return (int)received;
                }

                ContinueIfInterrupted("recv");
            }
        }
    }

    /// <summary>Takes as many bytes as there are and fit. 0 = the peer has closed its end. Null = nothing has come.</summary>
    /// <exception cref="LinuxException">The connection is broken.</exception>
    public int? TryReceive(Span<byte> destination)
    {
        fixed (byte* start = destination)
        {
            // SAFETY: the span is pinned, and the kernel writes at most its length.
            nint received = Syscall.recv(_handle, start, (nuint)destination.Length, Syscall.MSG_DONTWAIT);
            if (received >= 0)
            {
                return (int)received;
            }
            int errno = Marshal.GetLastPInvokeError();
            return errno is Syscall.EAGAIN or Syscall.EINTR ? null : throw new LinuxException("recv", errno);
        }
    }

    /// <summary>Sends all of it, however long the peer takes.</summary>
    /// <exception cref="LinuxException">The connection is broken.</exception>
    public void Send(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            nint total = 0;
            while (total < bytes.Length)
            {
                // SAFETY: the span is pinned, and the kernel reads at most what is left of it.
                nint sent = Syscall.send(_handle, start + total, (nuint)(bytes.Length - total), Syscall.MSG_NOSIGNAL);
                if (sent >= 0)
                {
                    total += sent;
                }
                else
                {
                    ContinueIfInterrupted("send");
                }
            }
        }
    }

    /// <summary>Ends both directions; whoever waits in a call on another thread returns. Harmless on a connection that is gone.</summary>
    public void Close()
    {
        try
        {
            _ = Syscall.shutdown(_handle, Syscall.SHUT_RDWR);
        }
        catch (ObjectDisposedException)
        {
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private void AwaitBytes(TimeSpan patience)
    {
        bool added = false;
        try
        {
            _handle.DangerousAddRef(ref added);
            var waited = new Syscall.pollfd { fd = (int)_handle.DangerousGetHandle(), events = Syscall.POLLIN };

            // SAFETY: one pollfd, a local; the descriptor cannot be closed while we hold a reference.
            int ready = Syscall.poll(&waited, 1, (int)patience.TotalMilliseconds);
            if (ready == 0)
            {
                throw new TimeoutException("nothing came in time");
            }

            if (ready < 0)
            {
                ContinueIfInterrupted("poll");
            }
        }
        finally
        {
            if (added)
            {
                _handle.DangerousRelease();
            }
        }
    }

    private static void ContinueIfInterrupted(string function)
    {
        int errno = Marshal.GetLastPInvokeError();
        if (errno != Syscall.EINTR)
        {
            throw new LinuxException(function, errno);
        }
    }
}
