// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Native.Linux;

/// <summary>Time since the host started, in nanoseconds; it also counts while the host sleeps, which Stopwatch on Linux does not.</summary>
/// <remarks>Only elapsed time is replaced. Wall clock and timers are those of <see cref="TimeProvider.System"/>: a timer stands still while the host sleeps.</remarks>
public sealed unsafe class BootTimeProvider : TimeProvider
{
    /// <inheritdoc/>
    public override long TimestampFrequency => 1_000_000_000;

    /// <inheritdoc/>
    public override long GetTimestamp()
    {
        Syscall.timespec now;

        // SAFETY: the kernel writes one timespec into a local of that type.
        LinuxException.ThrowIfFailed(Syscall.clock_gettime(Syscall.CLOCK_BOOTTIME, &now), "clock_gettime");
        return now.tv_sec * 1_000_000_000 + now.tv_nsec;
    }
}
