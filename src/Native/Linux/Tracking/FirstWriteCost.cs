// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Microsoft.Win32.SafeHandles;

namespace Hikae.Native.Linux;

/// <summary>What the first write to a protected page costs whoever makes it, on this machine.</summary>
/// <remarks>
/// It is a fault that the kernel serves alone: about 1 to 3 µs on hardware, and 15 to 20 where the machine is a virtual one whose hypervisor shadows page tables. Nothing tells
/// that but trying.
/// </remarks>
public static unsafe class FirstWriteCost
{
    private const int PageBytes = 4096;

    // The processor may be somebody else's for a moment: of several batches the one in the middle counts.
    private const int Batches = 9;
    private const int BatchPages = 64;
    private const int LengthBytes = Batches * BatchPages * PageBytes;

    // Neighbours are one region: all of them, or none.
    private const int MostRegions = 4;

    /// <summary>Protects memory of this process, writes to it, and takes the time. Some milliseconds. Any thread.</summary>
    /// <returns>Of one page.</returns>
    /// <exception cref="LinuxException">EPERM: this process may have no userfaultfd. EINVAL: the kernel has no asynchronous write protection.</exception>
    public static TimeSpan Measure() => Measure(out _);

    /// <param name="faults">Pages that had been protected and were not any more at the end.</param>
    internal static TimeSpan Measure(out int faults)
    {
        using var memory = new AnonymousMemory(LengthBytes);
        Span<byte> bytes = memory.Slice(0, LengthBytes);
        Touch(bytes);

        using var watch = new Userfaultfd(Open());
        watch.EnableAsyncWriteProtect();

        // SAFETY: the span lies in a mapping, which does not move, and lives until the end of this method.
        fixed (byte* first = bytes)
        {
            ulong address = (ulong)first;
            watch.RegisterWriteProtect(address, LengthBytes);
            using Pagemap pagemap = Pagemap.Open(Environment.ProcessId);
            Scan(pagemap, address, rearm: true);
            int unprotected = Scan(pagemap, address, rearm: false);

            Span<TimeSpan> took = stackalloc TimeSpan[Batches];
            for (int batch = 0; batch < Batches; batch++)
            {
                long started = Stopwatch.GetTimestamp();
                Touch(bytes.Slice(batch * BatchPages * PageBytes, BatchPages * PageBytes));
                took[batch] = Stopwatch.GetElapsedTime(started);
            }
            faults = Scan(pagemap, address, rearm: false) - unprotected;
            took.Sort();
            return took[Batches / 2] / BatchPages;
        }
    }

    private static int Scan(Pagemap pagemap, ulong address, bool rearm)
    {
        Span<PageRegion> regions = stackalloc PageRegion[MostRegions];
        ulong pages = 0;
        foreach (PageRegion region in regions[..pagemap.ScanWritten(address, address + LengthBytes, regions, rearm, out _)])
        {
            pages += (region.End - region.Start) / PageBytes;
        }
        return (int)pages;
    }

    private static void Touch(Span<byte> bytes)
    {
        for (int at = 0; at < bytes.Length; at += PageBytes)
        {
            Volatile.Write(ref bytes[at], 1);
        }
    }

    private static SafeFileHandle Open()
    {
        long descriptor = Syscall.syscall_userfaultfd(Syscall.SYS_userfaultfd, Syscall.O_CLOEXEC | Syscall.O_NONBLOCK | Syscall.UFFD_USER_MODE_ONLY);
        LinuxException.ThrowIfFailed(descriptor, "userfaultfd");
        return new SafeFileHandle((nint)descriptor, ownsHandle: true);
    }
}
