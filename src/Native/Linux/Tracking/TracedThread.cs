// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Hikae.Native.Linux;

/// <summary>One thread of another process, stopped by us, that executes system calls in our place.</summary>
/// <remarks>
/// Every member must be called on the OS thread that made the object: the kernel ties tracing to it. If that thread ends, the kernel
/// detaches by itself; that is how a thread which never stopped is let go.
///
/// Whether it stands still is asked with PTRACE_GETSIGINFO, which fails until it does. The wait calls would tell too, but any thread of ours can
/// take their answer away: the runtime, for one, calls waitpid when a child signals, and that also yields the stops of a traced thread.
/// For the same reason do not attach to a process that this one started with <see cref="Process"/>: the runtime takes the first stop for its end.
/// </remarks>
internal sealed unsafe class TracedThread
{
    private const ulong UserCodeSegment64 = 0x33;
    private const ulong AllSignalsButTrap = ~(1UL << (Syscall.SIGTRAP - 1));
    private const nint SignalSetBytes = sizeof(ulong);

    private readonly int _tid;
    private readonly PidFd _process;
    private Syscall.user_regs_struct _registers;
    private ulong _blockedSignals;

    private TracedThread(int tid, PidFd process)
    {
        _tid = tid;
        _process = process;
    }

    /// <summary>Stops the main thread of the process wherever it is; a system call it waits in is restarted by the kernel later.</summary>
    /// <exception cref="TimeoutException">It did not stop: it waits in the kernel for something that no signal interrupts. It was let go.</exception>
    internal static TracedThread Stop(int pid, PidFd process, TimeSpan timeout)
    {
        var thread = new TracedThread(pid, process);
        Require(Syscall.ptrace(Syscall.PTRACE_SEIZE, pid, 0, 0), "PTRACE_SEIZE", pid);
        Require(Syscall.ptrace(Syscall.PTRACE_INTERRUPT, pid, 0, 0), "PTRACE_INTERRUPT", pid);

        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            Syscall.siginfo_t stop = thread.WaitForStop(timeout - Stopwatch.GetElapsedTime(start));
            if (IsEventStop(stop))
            {
                break;
            }

            // A signal came first. It goes on its way, and since any stop takes the interrupt away, we ask again.
            Require(Syscall.ptrace(Syscall.PTRACE_CONT, pid, 0, stop.si_signo), "PTRACE_CONT", pid);
            Require(Syscall.ptrace(Syscall.PTRACE_INTERRUPT, pid, 0, 0), "PTRACE_INTERRUPT", pid);
        }

        try
        {
            thread.Save();
        }
        catch
        {
            _ = Syscall.ptrace(Syscall.PTRACE_DETACH, pid, 0, 0);
            throw;
        }

        return thread;
    }

    /// <summary>Executes one system call. The result is what the kernel left in rax: negative error numbers included.</summary>
    /// <remarks>
    /// No timeout: from here on the thread has our registers, and to leave it so would be worse than to wait. The calls we make do not wait
    /// for anything; only a frozen control group can hold this up, and then until it is thawed.
    /// </remarks>
    internal long Execute(ulong syscallInstruction, long number, ulong argument)
    {
        Syscall.user_regs_struct registers = _registers;
        registers.rip = syscallInstruction;
        registers.rax = (ulong)number;
        registers.rdi = argument;

        // Not "inside a system call": else the kernel would take the error number it left in rax for a call to restart.
        registers.orig_rax = ulong.MaxValue;

        SetRegisters(&registers);
        int signal = 0;
        while (true)
        {
            Require(Syscall.ptrace(Syscall.PTRACE_SINGLESTEP, _tid, 0, signal), "PTRACE_SINGLESTEP", _tid);
            Syscall.siginfo_t stop = WaitForStop(Timeout.InfiniteTimeSpan);
            if (stop.si_signo == Syscall.SIGTRAP && !IsEventStop(stop))
            {
                break;
            }

            // SIGSTOP cannot be blocked: it is delivered, and the stop that it causes is stepped over. It takes effect when we detach.
            signal = IsEventStop(stop) ? 0 : stop.si_signo;
        }

        // SAFETY: the kernel writes one user_regs_struct, a local.
        Require(Syscall.ptrace(Syscall.PTRACE_GETREGS, _tid, 0, (nint)(&registers)), "PTRACE_GETREGS", _tid);
        if (registers.rip != syscallInstruction + 2)
        {
            throw new InvalidOperationException($"Process {_tid} did not execute the system call it was given: it stands at 0x{registers.rip:x}.");
        }

        return (long)registers.rax;
    }

    /// <summary>Puts registers and signals back as they were and lets the thread go on.</summary>
    internal void Release()
    {
        try
        {
            Syscall.user_regs_struct registers = _registers;
            SetRegisters(&registers);
            SetBlockedSignals(_blockedSignals);
        }
        finally
        {
            Require(Syscall.ptrace(Syscall.PTRACE_DETACH, _tid, 0, 0), "PTRACE_DETACH", _tid);
        }
    }

    private void Save()
    {
        Syscall.user_regs_struct registers;
        ulong blocked;

        // SAFETY: the kernel writes one user_regs_struct and one 8-byte signal set, both locals.
        Require(Syscall.ptrace(Syscall.PTRACE_GETREGS, _tid, 0, (nint)(&registers)), "PTRACE_GETREGS", _tid);
        Require(Syscall.ptrace(Syscall.PTRACE_GETSIGMASK, _tid, SignalSetBytes, (nint)(&blocked)), "PTRACE_GETSIGMASK", _tid);
        if (registers.cs != UserCodeSegment64)
        {
            throw new NotSupportedException($"Process {_tid} is not a 64-bit program.");
        }

        _registers = registers;
        _blockedSignals = blocked;

        // A signal handler must not begin on our registers. A stopped thread keeps its signals until the old set is put back.
        SetBlockedSignals(AllSignalsButTrap);
    }

    // SAFETY: the kernel reads one user_regs_struct, a local of the caller.
    private void SetRegisters(Syscall.user_regs_struct* registers) =>
        Require(Syscall.ptrace(Syscall.PTRACE_SETREGS, _tid, 0, (nint)registers), "PTRACE_SETREGS", _tid);

    // SAFETY: the kernel reads one 8-byte signal set, a parameter of this call.
    private void SetBlockedSignals(ulong signals) =>
        Require(Syscall.ptrace(Syscall.PTRACE_SETSIGMASK, _tid, SignalSetBytes, (nint)(&signals)), "PTRACE_SETSIGMASK", _tid);

    private static bool IsEventStop(in Syscall.siginfo_t stop) => stop.si_code >> 8 == Syscall.PTRACE_EVENT_STOP;

    private Syscall.siginfo_t WaitForStop(TimeSpan timeout)
    {
        // The stop comes within microseconds unless the thread cannot stop at all, so look often at first.
        const int Yields = 200;
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; ; i++)
        {
            Syscall.siginfo_t stop;

            // SAFETY: the kernel writes one siginfo_t, a local.
            if (Syscall.ptrace(Syscall.PTRACE_GETSIGINFO, _tid, 0, (nint)(&stop)) == 0)
            {
                return stop;
            }

            // ESRCH also means "not stopped", which is what we wait to end.
            int errno = Marshal.GetLastPInvokeError();
            if (errno != Syscall.ESRCH || _process.HasExited)
            {
                throw new LinuxException($"ptrace(PTRACE_GETSIGINFO) of process {_tid}", errno);
            }

            if (i < Yields)
            {
                Thread.Yield();
                continue;
            }

            if (timeout != Timeout.InfiniteTimeSpan && Stopwatch.GetElapsedTime(start) >= timeout)
            {
                throw new TimeoutException($"Process {_tid} did not stop in time; it was let go untouched.");
            }

            var pause = new Syscall.timespec { tv_nsec = 50_000 };

            // SAFETY: the kernel reads one timespec, a local. Being woken early does no harm.
            _ = Syscall.nanosleep(&pause, null);
        }
    }

    private static void Require(long result, string request, int tid)
    {
        if (result < 0)
        {
            LinuxException.ThrowLastError($"ptrace({request}) of process {tid}");
        }
    }
}
