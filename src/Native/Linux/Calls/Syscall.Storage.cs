// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hikae.Native.Linux;

// fcntl.h, unistd.h, sys/uio.h, sys/stat.h, linux/fs.h
internal static unsafe partial class Syscall
{
    internal const int EIO = 5;
    internal const int ENOSPC = 28;
    internal const int EACCES = 13;
    internal const int ENXIO = 6;
    internal const int EOPNOTSUPP = 95;
    internal const int ECONNABORTED = 103;

    internal const int SEEK_END = 2;
    internal const int SEEK_DATA = 3;
    internal const int SEEK_HOLE = 4;

    internal const int FALLOC_FL_KEEP_SIZE = 0x01;
    internal const int FALLOC_FL_PUNCH_HOLE = 0x02;
    internal const int FALLOC_FL_ZERO_RANGE = 0x10;

    internal const int RWF_NOWAIT = 0x8;

    internal const int POSIX_FADV_RANDOM = 1;
    internal const int POSIX_FADV_DONTNEED = 4;

    internal const int F_OFD_SETLK = 37;
    internal const short F_RDLCK = 0;
    internal const short F_UNLCK = 2;

    internal const nuint BLKDISCARD = 0x1277;
    internal const nuint BLKZEROOUT = 0x127f;

    [StructLayout(LayoutKind.Sequential)]
    internal struct flock
    {
        internal short l_type;
        internal short l_whence;
        internal long l_start;
        internal long l_len;
        internal int l_pid;
    }

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint pread(SafeFileHandle fd, void* buf, nuint count, long offset);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint pwrite(SafeFileHandle fd, void* buf, nuint count, long offset);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint preadv2(SafeFileHandle fd, iovec* iov, int iovcnt, long offset, int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int fdatasync(SafeFileHandle fd);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int fallocate(SafeFileHandle fd, int mode, long offset, long len);

    /// <summary>Answers the error number itself; errno is not set.</summary>
    [LibraryImport(Library)]
    internal static partial int posix_fadvise(SafeFileHandle fd, long offset, long len, int advice);

    [LibraryImport(Library, EntryPoint = "fcntl", SetLastError = true)]
    internal static partial int fcntl_lock(SafeFileHandle fd, int cmd, flock* arg);
}
