// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hikae.Native.Linux;

/// <summary>Calls of the C library on x86-64, with names, order and types as in C. No logic here.</summary>
/// <remarks>
/// The C prototypes of <c>ioctl</c>, <c>open</c>, <c>ptrace</c> and <c>syscall</c> are variadic. On x86-64 a variadic function takes its integer
/// arguments in the same registers as any other, so they can be declared with fixed parameters; on other processors they may not.
/// The other parts of this class stand beside it, one for each header.
/// </remarks>
internal static unsafe partial class Syscall
{
    private const string Library = "libc";

    internal const int EPERM = 1;
    internal const int ENOENT = 2;
    internal const int ESRCH = 3;
    internal const int EINTR = 4;
    internal const int EAGAIN = 11;
    internal const int EFAULT = 14;
    internal const int ENODEV = 19;
    internal const int EINVAL = 22;
    internal const int ESTALE = 116;

    internal const int O_RDONLY = 0x0;
    internal const int O_WRONLY = 0x1;
    internal const int O_RDWR = 0x2;
    internal const int O_CREAT = 0x40;
    internal const int O_NONBLOCK = 0x800;
    internal const int O_NOFOLLOW = 0x20000;
    internal const int O_CLOEXEC = 0x80000;

    internal const int SEEK_SET = 0;

    internal const short POLLIN = 0x1;
    internal const short POLLOUT = 0x4;

    internal const int CLOCK_BOOTTIME = 7;

    [StructLayout(LayoutKind.Sequential)]
    internal struct timespec
    {
        internal long tv_sec;
        internal long tv_nsec;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct pollfd
    {
        internal int fd;
        internal short events;
        internal short revents;
    }

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int ioctl(SafeFileHandle fd, nuint request, void* argument);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int open(string pathname, int flags, uint mode);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial long lseek(SafeFileHandle fd, long offset, int whence);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int close(int fd);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int poll(pollfd* fds, nuint nfds, int timeout);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int clock_gettime(int clockid, timespec* tp);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int nanosleep(timespec* duration, timespec* remainder);
}
