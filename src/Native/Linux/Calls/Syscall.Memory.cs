// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hikae.Native.Linux;

// sys/mman.h, sys/uio.h, fcntl.h
internal static unsafe partial class Syscall
{
    internal const int PROT_READ = 0x1;
    internal const int PROT_WRITE = 0x2;
    internal const int MAP_SHARED = 0x1;
    internal const int MAP_PRIVATE = 0x2;
    internal const int MAP_ANONYMOUS = 0x20;
    internal const int MAP_NORESERVE = 0x4000;

    /// <summary>What mmap answers instead of an address when it fails.</summary>
    internal const nint MAP_FAILED = -1;

    internal const int MADV_DONTNEED = 4;
    internal const int MADV_NOHUGEPAGE = 15;

    internal const uint MFD_CLOEXEC = 0x1;

    /// <summary>Most ranges one vectored call takes (linux/uio.h).</summary>
    internal const int UIO_MAXIOV = 1024;

    [StructLayout(LayoutKind.Sequential)]
    internal struct iovec
    {
        internal void* iov_base;
        internal nuint iov_len;
    }

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint mmap(nint addr, nuint length, int prot, int flags, int fd, long offset);

    [LibraryImport(Library, EntryPoint = "mmap", SetLastError = true)]
    internal static partial nint mmap_file(nint addr, nuint length, int prot, int flags, SafeFileHandle fd, long offset);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int munmap(nint addr, nuint length);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int madvise(nint addr, nuint length, int advice);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int memfd_create(string name, uint flags);

    /// <summary>Answers the error number itself; errno is not set.</summary>
    [LibraryImport(Library)]
    internal static partial int posix_fallocate(SafeFileHandle fd, long offset, long len);

    // malloc.h
    [LibraryImport(Library)]
    internal static partial int malloc_trim(nuint pad);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint process_vm_readv(
        int pid, iovec* local_iov, nuint liovcnt, iovec* remote_iov, nuint riovcnt, nuint flags);
}
