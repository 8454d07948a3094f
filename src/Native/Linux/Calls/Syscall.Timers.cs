// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;

namespace Hikae.Native.Linux;

// time.h and signal.h: timers of the kernel's that send a signal.
internal static unsafe partial class Syscall
{
    internal const int SIGKILL = 9;
    internal const int SIGEV_SIGNAL = 0;
    internal const int TIMER_ABSTIME = 1;

    [StructLayout(LayoutKind.Sequential)]
    internal struct itimerspec
    {
        internal timespec it_interval;
        internal timespec it_value;
    }

    /// <summary>Without the union at its end, which SIGEV_SIGNAL does not use; the rest of its 64 bytes is only room.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 64)]
    internal struct sigevent
    {
        [FieldOffset(8)] internal int sigev_signo;
        [FieldOffset(12)] internal int sigev_notify;
    }

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int timer_create(int clockid, sigevent* sevp, nint* timerid);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int timer_settime(nint timerid, int flags, itimerspec* new_value, itimerspec* old_value);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int timer_delete(nint timerid);
}
