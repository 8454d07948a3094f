// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Native.Linux;

/// <summary>Ends this process by SIGKILL at a time, unless it is told otherwise before: the kernel does it, even while the process is stopped.</summary>
/// <remarks>
/// The time is CLOCK_BOOTTIME's, which counts while the host sleeps: a host that slept past it ends the process before any other of its
/// instructions. A host that is itself a virtual machine, paused from outside, may not see that time has passed: only fencing helps there.
/// Any thread.
/// </remarks>
public sealed unsafe class DeathTimer : IDisposable
{
    private const long Second = 1_000_000_000;

    private readonly Lock _gate = new();
    private readonly nint _timer;

    // guarded by _gate
    private bool _disposed;

    /// <summary>A timer that is not armed.</summary>
    public DeathTimer()
    {
        Syscall.sigevent signal = default;
        signal.sigev_notify = Syscall.SIGEV_SIGNAL;
        signal.sigev_signo = Syscall.SIGKILL;
        nint timer;

        // SAFETY: the kernel reads one sigevent and writes one timer_t, both locals of those sizes.
        LinuxException.ThrowIfFailed(Syscall.timer_create(Syscall.CLOCK_BOOTTIME, &signal, &timer), "timer_create");
        _timer = timer;
    }

    /// <summary>Sets the time, a timestamp of <see cref="BootTimeProvider"/>. One that is past ends the process now.</summary>
    public void Arm(long timestamp)
    {
        // Zero would disarm it.
        timestamp = Math.Max(timestamp, 1);
        Set(new Syscall.timespec { tv_sec = timestamp / Second, tv_nsec = timestamp % Second });
    }

    /// <summary>The process lives on.</summary>
    public void Disarm() => Set(default);

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            if (!_disposed)
            {
                _disposed = true;
                _ = Syscall.timer_delete(_timer);
            }
        }
    }

    private void Set(Syscall.timespec time)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            Syscall.itimerspec value = default;
            value.it_value = time;

            // SAFETY: the kernel reads one itimerspec from a local; the timer is not deleted, by _gate.
            LinuxException.ThrowIfFailed(Syscall.timer_settime(_timer, Syscall.TIMER_ABSTIME, &value, null), "timer_settime");
        }
    }
}
