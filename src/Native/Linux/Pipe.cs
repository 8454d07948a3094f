// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hikae.Native.Linux;

/// <summary>A pipe whose reader never waits and whose writer does: a process that writes more than fits stands still until somebody reads.</summary>
public sealed unsafe class Pipe : IDisposable
{
    private Pipe(SafeFileHandle readEnd, SafeFileHandle writeEnd)
    {
        ReadEnd = readEnd;
        WriteEnd = writeEnd;
    }

    /// <summary>Never blocks.</summary>
    public SafeFileHandle ReadEnd { get; }

    /// <summary>Open for writing only; blocks when the pipe is full.</summary>
    public SafeFileHandle WriteEnd { get; }

    /// <summary>Makes a pipe; both ends are close-on-exec.</summary>
    public static Pipe Create()
    {
        int* ends = stackalloc int[2];

        // SAFETY: the kernel writes exactly two descriptors.
        LinuxException.ThrowIfFailed(Syscall.pipe2(ends, Syscall.O_CLOEXEC), "pipe2");
        var pipe = new Pipe(new SafeFileHandle(ends[0], ownsHandle: true), new SafeFileHandle(ends[1], ownsHandle: true));
        LinuxException.ThrowIfFailed(Syscall.fcntl(pipe.ReadEnd, Syscall.F_SETFL, Syscall.O_NONBLOCK), "fcntl F_SETFL");
        return pipe;
    }

    /// <summary>Sets how many bytes fit, and returns what the kernel made of it: a power of two of at least one page.</summary>
    /// <exception cref="LinuxException">EBUSY: more than that lies in the pipe. EPERM: above /proc/sys/fs/pipe-max-size without privilege.</exception>
    public int SetCapacity(int bytes)
    {
        int capacity = Syscall.fcntl(WriteEnd, Syscall.F_SETPIPE_SZ, bytes);
        LinuxException.ThrowIfFailed(capacity, "fcntl F_SETPIPE_SZ");
        return capacity;
    }

    /// <summary>Takes what lies in the pipe, at most what fits; 0 when nothing does.</summary>
    public int Read(Span<byte> destination)
    {
        while (true)
        {
            // SAFETY: the kernel writes at most destination.Length bytes into the pinned span.
            fixed (byte* start = destination)
            {
                long read = Syscall.read(ReadEnd, start, (nuint)destination.Length);
                if (read >= 0)
                {
                    return (int)read;
                }
            }
            int errno = Marshal.GetLastPInvokeError();
            if (errno == Syscall.EAGAIN)
            {
                return 0;
            }
            if (errno != Syscall.EINTR)
            {
                throw new LinuxException("read", errno);
            }
        }
    }

    /// <summary>Whether descriptor <paramref name="number"/> of a process is this pipe's write end.</summary>
    public bool IsWriteEndIn(int pid, long number)
    {
        bool held = false;
        try
        {
            WriteEnd.DangerousAddRef(ref held);
            string? ours = File.ResolveLinkTarget($"/proc/self/fd/{WriteEnd.DangerousGetHandle()}", returnFinalTarget: false)?.FullName;
            return ours is not null && File.ResolveLinkTarget($"/proc/{pid}/fd/{number}", returnFinalTarget: false) is { } theirs
                && Path.GetFileName(theirs.FullName) == Path.GetFileName(ours);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
        finally
        {
            if (held)
            {
                WriteEnd.DangerousRelease();
            }
        }
    }

    /// <summary>Writes one byte, to wake whoever waits for the read end.</summary>
    public void Signal()
    {
        byte one = 1;

        // SAFETY: one byte, a local.
        LinuxException.ThrowIfFailed(Syscall.write(WriteEnd, &one, 1), "write");
    }

    /// <summary>Waits until one of two pipes has something to read. Both false: neither had within <paramref name="timeout"/>.</summary>
    public static (bool First, bool Second) WaitAny(Pipe first, Pipe second, TimeSpan timeout)
    {
        bool firstHeld = false;
        bool secondHeld = false;
        try
        {
            first.ReadEnd.DangerousAddRef(ref firstHeld);
            second.ReadEnd.DangerousAddRef(ref secondHeld);
            Syscall.pollfd* waited = stackalloc Syscall.pollfd[2];
            waited[0] = new Syscall.pollfd { fd = (int)first.ReadEnd.DangerousGetHandle(), events = Syscall.POLLIN };
            waited[1] = new Syscall.pollfd { fd = (int)second.ReadEnd.DangerousGetHandle(), events = Syscall.POLLIN };

            // SAFETY: two pollfd on the stack; neither descriptor can be closed while we hold a reference.
            int ready = Syscall.poll(waited, 2, (int)timeout.TotalMilliseconds);
            if (ready < 0 && Marshal.GetLastPInvokeError() is var errno && errno != Syscall.EINTR)
            {
                throw new LinuxException("poll", errno);
            }
            return ready <= 0 ? default : (waited[0].revents != 0, waited[1].revents != 0);
        }
        finally
        {
            if (firstHeld)
            {
                first.ReadEnd.DangerousRelease();
            }
            if (secondHeld)
            {
                second.ReadEnd.DangerousRelease();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ReadEnd.Dispose();
        WriteEnd.Dispose();
    }
}
