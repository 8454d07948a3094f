// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hikae.Native.Linux;

// linux/perf_event.h
internal static unsafe partial class Syscall
{
    internal const long SYS_perf_event_open = 298;

    internal const uint PERF_ATTR_SIZE_VER1 = 72;
    internal const ulong PERF_FLAG_FD_CLOEXEC = 8;
    internal const uint PERF_EVENT_IOC_ENABLE = 0x2400;
    internal const uint PERF_EVENT_IOC_SET_BPF = 0x40042408;

    /// <summary>The members up to <see cref="PERF_ATTR_SIZE_VER1"/>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct perf_event_attr
    {
        internal uint type;
        internal uint size;
        internal ulong config;
        internal ulong sample_period;
        internal ulong sample_type;
        internal ulong read_format;
        internal ulong padding; // the flags, a bit each
        internal uint wakeup_events;
        internal uint bp_type;
        internal ulong config1;
        internal ulong config2;
    }

    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true)]
    internal static partial long syscall_perf_event_open(long number, perf_event_attr* attr, int pid, int cpu, int group_fd, ulong flags);

    // The third argument is a number for these requests, not an address.
    [LibraryImport(Library, EntryPoint = "ioctl", SetLastError = true)]
    internal static partial int ioctl_number(SafeFileHandle fd, nuint request, nint argument);
}
