// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness;
using Hikae.Native.Linux;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace Hikae.Native.Tests.LinuxTests;

/// <summary>Which pages a running process wrote, found out from outside. Also proves the numbers of the calls: a wrong one would fail here.</summary>
public sealed class TrackingTests(TargetProgram program) : IClassFixture<TargetProgram>
{
    private const ulong Pages = 1024;

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    private readonly PageRegion[] _regions = new PageRegion[64];

    [Theory]
    [InlineData("private")]
    [InlineData("shared")]
    public void A_written_page_is_found_exactly_once(string kind)
    {
        RequireTracking();
        using var target = new Target(program, "busy", Pages * Target.PageBytes, kind == "shared" ? ["shared"] : []);
        using Userfaultfd watch = Watch(target);
        using Pagemap pagemap = Pagemap.Open(target.Pid);
        Assert.Equal([(0UL, Pages)], Scan(target, pagemap));

        target.WritePage(3);
        target.WritePage(4);
        target.WritePage(900);

        Assert.Equal([(3UL, 5UL), (900UL, 901UL)], Scan(target, pagemap, rearm: false));
        Assert.Equal([(3UL, 5UL), (900UL, 901UL)], Scan(target, pagemap));
        Assert.Empty(Scan(target, pagemap));

        target.WritePage(900);
        Assert.Equal([(900UL, 901UL)], Scan(target, pagemap));
    }

    [Fact]
    public void What_a_first_write_costs_is_measured_on_pages_that_were_protected()
    {
        RequireTracking();

        TimeSpan cost = FirstWriteCost.Measure(out int faults);

        Assert.Equal(576, faults);
        Assert.True(cost > TimeSpan.Zero);
    }

    [Fact]
    public void A_page_that_the_process_gave_back_counts_as_written()
    {
        RequireTracking();
        using var target = new Target(program, "busy", Pages * Target.PageBytes);
        using Userfaultfd watch = Watch(target);
        using Pagemap pagemap = Pagemap.Open(target.Pid);
        Scan(target, pagemap);

        target.Ask($"h {7 * Target.PageBytes}");

        Assert.Equal([(7UL, 8UL)], Scan(target, pagemap));
        Assert.Empty(Scan(target, pagemap));
        target.WritePage(7);
        Assert.Equal([(7UL, 8UL)], Scan(target, pagemap));
    }

    [Fact]
    public void A_scan_whose_list_is_full_goes_on_where_it_stopped()
    {
        RequireTracking();
        using var target = new Target(program, "busy", Pages * Target.PageBytes);
        using Userfaultfd watch = Watch(target);
        using Pagemap pagemap = Pagemap.Open(target.Pid);
        Scan(target, pagemap);
        target.WritePage(1);
        target.WritePage(10);
        target.WritePage(20);
        var two = new PageRegion[2];

        int first = pagemap.ScanWritten(target.Start, target.End, two, rearm: true, out ulong stoppedAt);
        int second = pagemap.ScanWritten(stoppedAt, target.End, _regions, rearm: true, out ulong end);

        Assert.Equal(2, first);
        Assert.True(stoppedAt > target.Start + (10 * Target.PageBytes) && stoppedAt <= target.Start + (20 * Target.PageBytes));
        Assert.Equal(1, second);
        Assert.Equal(target.Start + (20 * Target.PageBytes), _regions[0].Start);
        Assert.Equal(target.End, end);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_scan_that_finds_more_than_the_kernel_gathers_at_a_time_comes_to_the_end(bool rearm)
    {
        RequireTracking();
        const int written = 600;
        using var target = new Target(program, "busy", 2 * written * Target.PageBytes);
        using Userfaultfd watch = Watch(target);
        using Pagemap pagemap = Pagemap.Open(target.Pid);
        Scan(target, pagemap);
        for (int page = 0; page < written; page++)
        {
            target.WritePage(2 * page);
        }
        var all = new PageRegion[2 * written];

        int found = pagemap.ScanWritten(target.Start, target.End, all, rearm, out ulong end);

        Assert.Equal(written, found);
        Assert.Equal(target.End, end);
    }

    [Fact]
    public void After_dispose_a_second_attach_watches_the_same_memory()
    {
        RequireTracking();
        using var target = new Target(program, "busy", Pages * Target.PageBytes);
        using Pagemap pagemap = Pagemap.Open(target.Pid);
        string descriptors = target.Ask("f");

        for (int i = 0; i < 3; i++)
        {
            using Userfaultfd watch = Watch(target);
            Assert.Equal([(0UL, Pages)], Scan(target, pagemap));
            target.WritePage(5);
            Assert.Equal([(5UL, 6UL)], Scan(target, pagemap));
        }

        Assert.Equal(descriptors, target.Ask("f"));
    }

    [Fact]
    public void Two_watches_over_the_same_memory_are_refused_as_busy()
    {
        RequireTracking();
        using var target = new Target(program, "busy", Pages * Target.PageBytes);
        using Userfaultfd watch = Watch(target);

        LinuxException e = Assert.Throws<LinuxException>(() => Watch(target));

        Assert.Equal(16, e.Errno); // EBUSY
        Assert.StartsWith("UFFDIO_REGISTER", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_that_is_not_watched_is_refused_by_a_scan()
    {
        RequireTracking();
        using var target = new Target(program, "busy", Pages * Target.PageBytes);
        using Userfaultfd watch = Watch(target);
        using Pagemap pagemap = Pagemap.Open(target.Pid);
        Scan(target, pagemap);

        watch.Unregister(target.Start, Pages * Target.PageBytes);

        LinuxException e = Assert.Throws<LinuxException>(() => Scan(target, pagemap));
        Assert.Equal(Syscall.EPERM, e.Errno);
    }

    [Fact]
    public void A_process_that_ended_is_refused_by_a_scan()
    {
        RequireTracking();
        using var target = new Target(program, "busy", Pages * Target.PageBytes);
        using Userfaultfd watch = Watch(target);
        using Pagemap pagemap = Pagemap.Open(target.Pid);

        target.Kill(9);
        Assert.True(target.WaitForExit(Timeout));

        LinuxException e = Assert.Throws<LinuxException>(() => Scan(target, pagemap));
        Assert.Equal(Syscall.ESRCH, e.Errno);
    }

    [Fact]
    public void Scanning_and_reading_allocate_nothing()
    {
        RequireTracking();
        using var target = new Target(program, "busy", Pages * Target.PageBytes);
        using Userfaultfd watch = Watch(target);
        using Pagemap pagemap = Pagemap.Open(target.Pid);
        MemoryRange[] ranges = [.. Enumerable.Range(0, 200).Select(i => new MemoryRange(target.Start + ((ulong)i * 5 * Target.PageBytes), 4096))];
        byte[] bytes = new byte[ranges.Length * 4096];
        ScanAndRead(20); // the JIT settles here, outside the measurement

        long before = GC.GetAllocatedBytesForCurrentThread();
        ScanAndRead(100);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(0, allocated);

        void ScanAndRead(int count)
        {
            for (int i = 0; i < count; i++)
            {
                pagemap.ScanWritten(target.Start, target.End, _regions, rearm: true, out _);
                ProcessMemory.Read(target.Pid, ranges, bytes);
            }
        }
    }

    private static void RequireTracking()
    {
        Requires.Root();
        Requires.Kernel(6, 7);
    }

    private static Userfaultfd Watch(Target target)
    {
        SafeFileHandle handle = UserfaultInjector.Attach(target.Pid, Timeout);
        var watch = new Userfaultfd(handle);
        try
        {
            watch.EnableAsyncWriteProtect();
            watch.RegisterWriteProtect(target.Start, target.End - target.Start);
            return watch;
        }
        catch
        {
            watch.Dispose();
            throw;
        }
    }

    /// <summary>The written pages, as (first, after last).</summary>
    private List<(ulong First, ulong End)> Scan(Target target, Pagemap pagemap, bool rearm = true)
    {
        int count = pagemap.ScanWritten(target.Start, target.End, _regions, rearm, out ulong end);
        Assert.Equal(target.End, end);
        return [.. _regions[..count].Select(r => ((r.Start - target.Start) / Target.PageBytes, (r.End - target.Start) / Target.PageBytes))];
    }
}
