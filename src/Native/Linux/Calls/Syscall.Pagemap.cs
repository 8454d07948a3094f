// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;

namespace Hikae.Native.Linux;

// linux/fs.h of Linux 6.7 and later; struct page_region is the public PageRegion.
internal static partial class Syscall
{
    internal const nuint PAGEMAP_SCAN = 0xc0606610;

    internal const ulong PAGE_IS_WRITTEN = 1 << 1;

    internal const ulong PM_SCAN_WP_MATCHING = 1 << 0;
    internal const ulong PM_SCAN_CHECK_WPASYNC = 1 << 1;

    [StructLayout(LayoutKind.Sequential)]
    internal struct pm_scan_arg
    {
        internal ulong size;
        internal ulong flags;
        internal ulong start;
        internal ulong end;
        internal ulong walk_end;
        internal ulong vec;
        internal ulong vec_len;
        internal ulong max_pages;
        internal ulong category_inverted;
        internal ulong category_mask;
        internal ulong category_anyof_mask;
        internal ulong return_mask;
    }
}
