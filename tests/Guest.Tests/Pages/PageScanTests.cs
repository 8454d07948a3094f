// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Guest.Pages;
using Hikae.Protocol.Guest;
using Xunit;
using static Hikae.Guest.Pages.KernelPageFlags;

namespace Hikae.Guest.Tests.Pages;

public sealed class PageScanTests
{
    private const ulong Cache = KPF_LRU | KPF_UPTODATE;

    [Fact]
    public void Only_memory_within_the_asked_range_is_looked_at()
    {
        using var guest = new FakeGuest();
        guest.Write("proc/iomem", "00010000-0001ffff : System RAM\n00040000-0004ffff : System RAM\n");
        guest.WriteFlags([.. Enumerable.Repeat(KPF_BUDDY, 0x100)]);
        var slices = new CollectedSlices();

        ScanCounts counts = new PageScan(guest.Files).Run(0x18, 0x44, slices);

        Assert.Equal([.. Enumerable.Range(0x18, 8).Concat(Enumerable.Range(0x40, 4)).Select(pfn => (ulong)pfn)], slices.Free);
        Assert.Equal([(0x18UL, 0x44 - 0x18)], slices.Slices);
        Assert.Equal(12UL, counts.Scanned);
        Assert.Equal(12UL, counts.Free);
    }

    [Fact]
    public void A_folio_across_the_border_of_two_reads_and_of_two_slices_is_one_folio()
    {
        using var guest = new FakeGuest();
        ulong[] flags = new ulong[GuestProtocol.MaxSlicePages + 100];
        foreach (int border in (int[])[8192, 16384, GuestProtocol.MaxSlicePages])
        {
            flags[border - 2] = Cache | KPF_COMPOUND_HEAD | KPF_THP;
            flags.AsSpan(border - 1, 7).Fill(KPF_COMPOUND_TAIL | KPF_THP);
        }

        guest.WriteFlags(flags);
        guest.Write("proc/iomem", "00000000-0fffffffff : System RAM\n");
        var slices = new CollectedSlices();
        new PageScan(guest.Files).Run(0, GuestProtocol.MaxPfn, slices);

        Assert.Equal(3 * 8, slices.Cache.Count);
        Assert.Equal(2, slices.Slices.Count);
    }

    [Fact]
    public void A_folio_does_not_reach_across_a_hole()
    {
        using var guest = new FakeGuest();
        ulong[] flags = new ulong[0x40];
        flags[0x1f] = Cache | KPF_COMPOUND_HEAD;
        flags[0x30] = KPF_COMPOUND_TAIL;
        guest.WriteFlags(flags);
        guest.Write("proc/iomem", "00010000-0001ffff : System RAM\n00030000-0003ffff : System RAM\n");
        var slices = new CollectedSlices();
        new PageScan(guest.Files).Run(0, 0x40, slices);
        Assert.Equal([0x1fUL], slices.Cache);
    }

    [Fact]
    public void Without_iomem_the_scan_ends_where_the_flags_end()
    {
        using var guest = new FakeGuest();
        guest.WriteFlags([KPF_NOPAGE, KPF_BUDDY, KPF_BUDDY | KPF_NOPAGE, Cache]);
        guest.Write("proc/iomem", "00000000-00000000 : System RAM\n");
        var slices = new CollectedSlices();

        ScanCounts counts = new PageScan(guest.Files).Run(0, GuestProtocol.MaxPfn, slices);

        Assert.Equal([1UL], slices.Free);
        Assert.Equal([3UL], slices.Cache);
        Assert.Equal(4UL, counts.Scanned);
    }

    [Fact]
    public void A_slice_without_a_soft_page_is_not_handed_on()
    {
        using var guest = new FakeGuest();
        ulong[] flags = new ulong[3 * GuestProtocol.MaxSlicePages];
        flags[^1] = KPF_BUDDY;
        guest.WriteFlags(flags);
        var slices = new CollectedSlices();
        new PageScan(guest.Files).Run(0, (ulong)flags.Length, slices);
        Assert.Equal([(2UL * GuestProtocol.MaxSlicePages, GuestProtocol.MaxSlicePages)], slices.Slices);
    }

    [Fact]
    public void This_machines_own_flags_give_plausible_numbers()
    {
        Assert.SkipUnless(File.Exists("/proc/kpageflags") && Environment.UserName == "root", "needs root and /proc/kpageflags");
        ulong totalPages = (ulong)GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4096;
        var scan = new PageScan(new GuestFiles());

        ScanCounts before = scan.Run(0, GuestProtocol.MaxPfn, new CollectedSlices());
        byte[] touched = GC.AllocateUninitializedArray<byte>(64 * 1024 * 1024);
        touched.AsSpan().Fill(1);
        var slices = new CollectedSlices();
        ScanCounts after = scan.Run(0, GuestProtocol.MaxPfn, slices);
        GC.KeepAlive(touched);

        Assert.InRange(before.Scanned, totalPages / 2, ulong.MaxValue);
        Assert.Equal(before.Scanned, after.Scanned);
        Assert.InRange(after.Free + after.Cache, 1UL, after.Scanned);
        Assert.Equal(after.Free, (ulong)slices.Free.Count);
        Assert.Equal(after.Cache, (ulong)slices.Cache.Count);
        Assert.Empty(slices.Free.Intersect(slices.Cache));
    }
}
