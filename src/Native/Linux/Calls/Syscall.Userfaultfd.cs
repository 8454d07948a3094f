// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;

namespace Hikae.Native.Linux;

// linux/userfaultfd.h
internal static partial class Syscall
{
    internal const ulong UFFD_API = 0xaa;
    internal const int UFFD_USER_MODE_ONLY = 1;

    internal const nuint UFFDIO_API = 0xc018aa3f;
    internal const nuint UFFDIO_REGISTER = 0xc020aa00;
    internal const nuint UFFDIO_UNREGISTER = 0x8010aa01;

    internal const ulong UFFD_FEATURE_PAGEFAULT_FLAG_WP = 1 << 0;
    internal const ulong UFFD_FEATURE_WP_HUGETLBFS_SHMEM = 1 << 12;
    internal const ulong UFFD_FEATURE_WP_UNPOPULATED = 1 << 13;
    internal const ulong UFFD_FEATURE_WP_ASYNC = 1 << 15;

    internal const ulong UFFDIO_REGISTER_MODE_WP = 1 << 1;

    [StructLayout(LayoutKind.Sequential)]
    internal struct uffdio_api
    {
        internal ulong api;
        internal ulong features;
        internal ulong ioctls;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct uffdio_range
    {
        internal ulong start;
        internal ulong len;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct uffdio_register
    {
        internal uffdio_range range;
        internal ulong mode;
        internal ulong ioctls;
    }
}
