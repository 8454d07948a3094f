// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Guest.Pages;

/// <summary>The bits of /proc/kpageflags, spelled as in the kernel's include/uapi/linux/kernel-page-flags.h.</summary>
internal static class KernelPageFlags
{
    internal const ulong KPF_LOCKED = 1UL << 0;
    internal const ulong KPF_ERROR = 1UL << 1;
    internal const ulong KPF_REFERENCED = 1UL << 2;
    internal const ulong KPF_UPTODATE = 1UL << 3;
    internal const ulong KPF_DIRTY = 1UL << 4;
    internal const ulong KPF_LRU = 1UL << 5;
    internal const ulong KPF_ACTIVE = 1UL << 6;
    internal const ulong KPF_SLAB = 1UL << 7;
    internal const ulong KPF_WRITEBACK = 1UL << 8;
    internal const ulong KPF_BUDDY = 1UL << 10;
    internal const ulong KPF_MMAP = 1UL << 11;
    internal const ulong KPF_ANON = 1UL << 12;
    internal const ulong KPF_SWAPCACHE = 1UL << 13;
    internal const ulong KPF_SWAPBACKED = 1UL << 14;
    internal const ulong KPF_COMPOUND_HEAD = 1UL << 15;
    internal const ulong KPF_COMPOUND_TAIL = 1UL << 16;
    internal const ulong KPF_HUGE = 1UL << 17;
    internal const ulong KPF_UNEVICTABLE = 1UL << 18;
    internal const ulong KPF_HWPOISON = 1UL << 19;
    internal const ulong KPF_NOPAGE = 1UL << 20;
    internal const ulong KPF_KSM = 1UL << 21;
    internal const ulong KPF_THP = 1UL << 22;
    internal const ulong KPF_OFFLINE = 1UL << 23;
    internal const ulong KPF_ZERO_PAGE = 1UL << 24;
    internal const ulong KPF_PGTABLE = 1UL << 26;
    internal const ulong KPF_RESERVED = 1UL << 32;
    internal const ulong KPF_MLOCKED = 1UL << 33;
}
