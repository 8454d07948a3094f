// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Native.Linux;

/// <summary>How the kernel chooses when a thread, of any process, runs: sched(7).</summary>
/// <param name="Policy">SCHED_*, with or without the flag that what the thread starts gets the ordinary policy.</param>
/// <param name="Priority">1 to 99 of a real-time policy, else 0.</param>
public readonly record struct ThreadScheduling(int Policy, int Priority)
{
    /// <summary>
    /// Runs before every thread that has no real-time policy, until it waits for something. Threads that it starts meanwhile do not.
    /// </summary>
    public static ThreadScheduling BeforeOthers { get; } = new(Syscall.SCHED_FIFO | Syscall.SCHED_RESET_ON_FORK, 1);

    /// <summary>What a thread has that nobody gave anything else.</summary>
    public static ThreadScheduling Ordinary { get; } = new(Syscall.SCHED_OTHER, 0);

    /// <summary>SCHED_OTHER, SCHED_BATCH and SCHED_IDLE: such a thread may have to wait for any other.</summary>
    public bool IsOrdinary => (Policy & ~Syscall.SCHED_RESET_ON_FORK) is Syscall.SCHED_OTHER or Syscall.SCHED_BATCH or Syscall.SCHED_IDLE;

    /// <summary>How a thread is scheduled.</summary>
    /// <exception cref="LinuxException">ESRCH: there is no such thread.</exception>
    public static ThreadScheduling Of(int thread)
    {
        int policy = Syscall.sched_getscheduler(thread);
        LinuxException.ThrowIfFailed(policy, "sched_getscheduler");
        LinuxException.ThrowIfFailed(Syscall.sched_getparam(thread, out Syscall.sched_param parameters), "sched_getparam");
        return new ThreadScheduling(policy, parameters.sched_priority);
    }

    /// <summary>Schedules a thread so.</summary>
    /// <exception cref="LinuxException">ESRCH: there is no such thread. EPERM: CAP_SYS_NICE is needed, a unit's RestrictRealtime forbids it, or the thread's control group has no real-time share.</exception>
    public void ApplyTo(int thread)
    {
        var parameters = new Syscall.sched_param { sched_priority = Priority };
        LinuxException.ThrowIfFailed(Syscall.sched_setscheduler(thread, Policy, in parameters), "sched_setscheduler");
    }
}
