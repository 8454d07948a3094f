// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hikae.Native.Linux;

// sched.h, sys/ptrace.h, sys/user.h, signal.h, sys/syscall.h: what one process does to another.
internal static unsafe partial class Syscall
{
    internal const int PTRACE_CONT = 7;
    internal const int PTRACE_SINGLESTEP = 9;
    internal const int PTRACE_GETREGS = 12;
    internal const int PTRACE_SETREGS = 13;
    internal const int PTRACE_DETACH = 17;
    internal const int PTRACE_GETSIGINFO = 0x4202;
    internal const int PTRACE_SEIZE = 0x4206;
    internal const int PTRACE_INTERRUPT = 0x4207;
    internal const int PTRACE_GETSIGMASK = 0x420a;
    internal const int PTRACE_SETSIGMASK = 0x420b;
    internal const int PTRACE_EVENT_STOP = 128;

    internal const int PRIO_PROCESS = 0;
    internal const int IOPRIO_WHO_PROCESS = 1;
    internal const int IOPRIO_CLASS_BE = 2;
    internal const int IOPRIO_CLASS_SHIFT = 13;

    internal const int SCHED_OTHER = 0;
    internal const int SCHED_FIFO = 1;
    internal const int SCHED_BATCH = 3;
    internal const int SCHED_IDLE = 5;
    internal const int SCHED_RESET_ON_FORK = 0x40000000;

    internal const int SIGTRAP = 5;
    internal const long SYS_close = 3;
    internal const long SYS_ioprio_set = 251;
    internal const long SYS_userfaultfd = 323;
    internal const long SYS_pidfd_send_signal = 424;
    internal const long SYS_pidfd_open = 434;
    internal const long SYS_pidfd_getfd = 438;

    [StructLayout(LayoutKind.Sequential)]
    internal struct user_regs_struct
    {
        internal ulong r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax;
        internal ulong rip, cs, eflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct sched_param
    {
        internal int sched_priority;
    }

    /// <summary>The parts of siginfo_t that every signal has; the rest of its 128 bytes is only room.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 128)]
    internal struct siginfo_t
    {
        [FieldOffset(0)] internal int si_signo;
        [FieldOffset(8)] internal int si_code;
    }

    [LibraryImport(Library)]
    internal static partial int gettid();

    [LibraryImport(Library, SetLastError = true)]
    internal static partial long ptrace(long request, int pid, nint addr, nint data);

    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true)]
    internal static partial long syscall_ioprio_set(long number, long which, long who, long ioprio);

    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true)]
    internal static partial long syscall_userfaultfd(long number, long flags);

    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true)]
    internal static partial long syscall_pidfd_open(long number, long pid, long flags);

    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true)]
    internal static partial long syscall_pidfd_getfd(long number, SafeFileHandle pidfd, long targetfd, long flags);

    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true)]
    internal static partial long syscall_pidfd_send_signal(long number, SafeFileHandle pidfd, long sig, nint info, long flags);

    /// <summary>With PRIO_PROCESS, <paramref name="who"/> is a thread for Linux, 0 the calling one.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int setpriority(int which, uint who, int prio);

    /// <summary>-1 may be a niceness: then errno is 0.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int getpriority(int which, uint who);

    /// <summary>For Linux, <paramref name="pid"/> is a thread.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int sched_setscheduler(int pid, int policy, in sched_param param);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int sched_getscheduler(int pid);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int sched_getparam(int pid, out sched_param param);

    /// <summary>Returns bytes written.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int sched_getaffinity(int pid, nuint cpusetsize, ulong* mask);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int sched_setaffinity(int pid, nuint cpusetsize, ulong* mask);
}
