// SPDX-License-Identifier: LGPL-2.1-or-later
using Microsoft.Win32.SafeHandles;

namespace Hikae.Native.Linux;

/// <summary>Tells which pages of another process were written, once <see cref="Userfaultfd"/> watches them.</summary>
/// <remarks>
/// Theory of operation. A page that is write-protected was not written since it was protected; the first write takes the protection away,
/// inside the kernel, and nobody is told. A scan lists the pages without protection, and with <c>rearm</c> protects each of them again in the same step
/// under the page table's lock. So no write can fall between two scans: it is in this one or in the next.
/// </remarks>
public sealed unsafe class Pagemap : IDisposable
{
    private readonly SafeFileHandle _handle;
    private readonly int _pid;

    private Pagemap(SafeFileHandle handle, int pid)
    {
        _handle = handle;
        _pid = pid;
    }

    /// <summary>Opens the memory that the process has now. If it executes another program, that one is not seen.</summary>
    public static Pagemap Open(int pid)
    {
        string path = $"/proc/{pid}/pagemap";
        int descriptor = Syscall.open(path, Syscall.O_RDONLY | Syscall.O_CLOEXEC, 0);
        LinuxException.ThrowIfFailed(descriptor, $"open {path}");
        return new Pagemap(new SafeFileHandle(descriptor, ownsHandle: true), pid);
    }

    /// <summary>Lists the pages from <paramref name="start"/> up to <paramref name="end"/> that were written since they were last protected.</summary>
    /// <param name="start">Page-aligned address in the other process.</param>
    /// <param name="end">Page-aligned address after the last page.</param>
    /// <param name="regions">Where the list goes; not empty.</param>
    /// <param name="rearm">Protect the listed pages again, so that the next scan lists only what is written from now on.</param>
    /// <param name="walkEnd">How far the scan came. Less than <paramref name="end"/>: the list is full, scan again from here.</param>
    /// <returns>The number of regions in the list.</returns>
    /// <exception cref="LinuxException">EPERM: a part of the range is mapped but not watched. ESRCH: the process has ended.</exception>
    public int ScanWritten(ulong start, ulong end, Span<PageRegion> regions, bool rearm, out ulong walkEnd)
    {
        if (regions.IsEmpty)
        {
            throw new ArgumentException("A scan needs room for at least one region.", nameof(regions));
        }

        fixed (PageRegion* vector = regions)
        {
            var scan = new Syscall.pm_scan_arg
            {
                size = (ulong)sizeof(Syscall.pm_scan_arg),
                flags = Syscall.PM_SCAN_CHECK_WPASYNC | (rearm ? Syscall.PM_SCAN_WP_MATCHING : 0),
                start = start,
                end = end,
                vec = (ulong)vector,
                vec_len = (ulong)regions.Length,
                category_mask = Syscall.PAGE_IS_WRITTEN,
                return_mask = Syscall.PAGE_IS_WRITTEN,
            };

            // SAFETY: the vector stays pinned until the call returns and the kernel writes at most vec_len regions to it.
            int count = Syscall.ioctl(_handle, Syscall.PAGEMAP_SCAN, &scan);
            if (count < 0)
            {
                LinuxException.ThrowLastError($"PAGEMAP_SCAN of process {_pid} from 0x{start:x} to 0x{end:x}");
            }

            // The kernel gathers 512 regions at a time, and leaves the address of the last time it was full here though it went on to the end (fs/proc/task_mmu.c, do_pagemap_scan).
            walkEnd = count < regions.Length ? end : Math.Max(scan.walk_end, regions[count - 1].End);
            return count;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();
}
