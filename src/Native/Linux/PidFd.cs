// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hikae.Native.Linux;

/// <summary>A process that is meant for good: unlike its number, this never comes to mean another process.</summary>
public sealed unsafe class PidFd : IDisposable
{
    private readonly SafeFileHandle _handle;

    private PidFd(SafeFileHandle handle) => _handle = handle;

    /// <summary>True once the process has ended, even if its parent has not yet asked for its exit status.</summary>
    public bool HasExited => WaitForExit(TimeSpan.Zero);

    /// <exception cref="LinuxException">ESRCH: there is no such process.</exception>
    public static PidFd Open(int pid)
    {
        long descriptor = Syscall.syscall_pidfd_open(Syscall.SYS_pidfd_open, pid, 0);
        LinuxException.ThrowIfFailed(descriptor, "pidfd_open");
        return new PidFd(new SafeFileHandle((nint)descriptor, ownsHandle: true));
    }

    /// <summary>Waits until the process has ended. False: it still runs after <paramref name="timeout"/>.</summary>
    public bool WaitForExit(TimeSpan timeout)
    {
        long start = Stopwatch.GetTimestamp();
        bool added = false;
        try
        {
            _handle.DangerousAddRef(ref added);
            while (true)
            {
                double leftMs = timeout == Timeout.InfiniteTimeSpan ? -1 : Math.Max(0, (timeout - Stopwatch.GetElapsedTime(start)).TotalMilliseconds);
                var waited = new Syscall.pollfd { fd = (int)_handle.DangerousGetHandle(), events = Syscall.POLLIN };

                // SAFETY: one pollfd, a local; the descriptor cannot be closed while we hold a reference.
                int ready = Syscall.poll(&waited, 1, (int)Math.Min(int.MaxValue, Math.Ceiling(leftMs)));
                if (ready >= 0)
                {
                    return ready > 0;
                }

                int errno = Marshal.GetLastPInvokeError();
                if (errno != Syscall.EINTR)
                {
                    throw new LinuxException("poll", errno);
                }
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

    /// <summary>A duplicate of descriptor <paramref name="targetFd"/> of the process; close-on-exec. Needs the right to trace the process.</summary>
    public SafeFileHandle GetDescriptor(int targetFd)
    {
        long descriptor = Syscall.syscall_pidfd_getfd(Syscall.SYS_pidfd_getfd, _handle, targetFd, 0);
        LinuxException.ThrowIfFailed(descriptor, "pidfd_getfd");
        return new SafeFileHandle((nint)descriptor, ownsHandle: true);
    }

    /// <summary>Sends <paramref name="signal"/>, a number of signal(7).</summary>
    /// <exception cref="LinuxException">ESRCH: the process has ended.</exception>
    public void Kill(int signal) =>
        LinuxException.ThrowIfFailed(
            Syscall.syscall_pidfd_send_signal(Syscall.SYS_pidfd_send_signal, _handle, signal, 0, 0), "pidfd_send_signal");

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();
}
