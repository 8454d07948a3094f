// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Control;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Disk;
using Hikae.Sidecar.Disk.Content;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hikae.Sidecar.Tests.Disk.Content;

/// <summary>A disk whose content nobody saw pass, and pages that were sent before.</summary>
public sealed class DiskScanTests : IDisposable
{
    private const int BlockBytes = ContentIndex.BlockBytes;
    private const long Fast = 1L << 40;

    private static readonly RamBlockInfo[] Ram = [new("pc.ram", 1000 * 4096, 4096)];

    private readonly ContentIndex _index = new(1 << 20);
    private readonly DiskContent _content;

    public DiskScanTests()
    {
        _content = _index.AddDisk()!;
        _index.BeginSession([_content]);
        _index.CloseReferences(Ram);
        _index.OpenReferences(Ram);
        for (int page = 0; page < 100; page++)
        {
            Assert.False(_index.TryRefer(0, (uint)page, DiskContentTests.Page(page), 1, out _, out _));
        }
    }

    [Fact]
    public void Pages_that_are_on_it_are_found_and_nothing_else_of_it_is_known()
    {
        using var running = new RunningDisk(content: _content);
        Put(running, block: 7, 1, 2, 3);
        Put(running, block: 2000, 500, 4, 501);
        Put(running, block: (16 << 20) / BlockBytes - 1, 5);

        DiskScanProgress end = RunWhole(running);

        Assert.Equal(new DiskScanProgress(16 << 20, 16 << 20), end);
        Assert.Equal([new PageRun(0, 1, 5)], Wanted());
        Assert.Equal(5, _index.Count);
        Assert.True(_index.TryReferAgain(0, 4, DiskContentTests.Page(4), 1, out int disk, out long block));
        Assert.Equal((0, 2001L), (disk, block));
    }

    [Fact]
    public void What_waits_in_the_buffer_lies_over_the_image()
    {
        using var running = new RunningDisk(content: _content);
        Put(running, block: 0, 1, 2, 3);
        running.Disk.Hold();
        using NbdTestClient client = running.Connect();
        client.WriteBytes(BlockBytes, DiskContentTests.Page(600));
        Assert.Equal(0u, client.Do(NbdTestClient.Trim, 2 * BlockBytes, BlockBytes).Error);

        RunWhole(running);

        Assert.Equal([new PageRun(0, 1, 1)], Wanted());
    }

    [Fact]
    public void Holes_take_no_time_and_blocks_at_their_edges_are_not_missed()
    {
        // At this pace 64 GiB would take a day.
        using var running = new RunningDisk(imageBytes: 64L << 30, content: _content);
        long end = (64L << 30) / BlockBytes;
        Put(running, block: 0, 1);
        Put(running, block: end / 2, 2);
        Put(running, block: end - 1, 3);

        RunWhole(running, bytesPerSecond: 1 << 20);

        Assert.Equal([new PageRun(0, 1, 3)], Wanted());
    }

    [Fact]
    public void What_cannot_be_read_is_passed_and_found_by_the_next()
    {
        StuckImage image = null!;
        using var running = new RunningDisk(wrap: inner => image = new StuckImage(inner), content: _content);
        Put(running, block: 3, 1, 2);
        image.Failure = new IOException("no");
        RunWhole(running);
        Assert.Empty(Wanted());

        image.Failure = null;
        RunWhole(running);
        Assert.Equal([new PageRun(0, 1, 2)], Wanted());
    }

    [Fact]
    public void One_that_ends_while_the_storage_hangs_leaves_the_rest_to_the_next()
    {
        StuckImage image = null!;
        using var running = new RunningDisk(wrap: inner => image = new StuckImage(inner), content: _content);
        Put(running, block: 3, 1);
        Put(running, block: 3000, 2);
        image.Hangs = true;
        DiskScan first = Scan(running, Fast);
        first.Start();
        first.End();
        DiskScan second = Scan(running, Fast);
        second.Start();
        image.Hangs = false;

        WaitForEnd(second);
        Assert.Equal([new PageRun(0, 1, 2)], Wanted());
    }

    [Fact]
    public void A_disk_that_is_closed_ends_it()
    {
        var running = new RunningDisk(content: _content);
        Put(running, block: 0, [.. Enumerable.Range(1, 3000)]);
        DiskScan slow = Scan(running, 1);
        slow.Start();
        running.Dispose();

        Assert.Equal((0L, 0), running.Disk.Scan(new byte[BlockBytes]));
        slow.End();
    }

    [Fact]
    public void It_is_switched_off_by_a_pace_of_zero()
    {
        using var running = new RunningDisk(content: _content);
        DiskScan scan = Scan(running, 0);
        scan.Start();

        Assert.Null(scan.Progress);
    }

    public void Dispose() => _index.Dispose();

    private static DiskScan Scan(RunningDisk running, long bytesPerSecond) => new([running.Disk], bytesPerSecond, TimeProvider.System, NullLogger.Instance);

    private static DiskScanProgress RunWhole(RunningDisk running, long bytesPerSecond = Fast)
    {
        DiskScan scan = Scan(running, bytesPerSecond);
        scan.Start();
        return WaitForEnd(scan);
    }

    private static DiskScanProgress WaitForEnd(DiskScan scan)
    {
        Assert.True(SpinWait.SpinUntil(() => scan.Progress is { } progress && progress.DoneBytes == progress.TotalBytes, RunningDisk.Patience), $"{scan.Progress}");
        return scan.Progress!;
    }

    // Past the server, which learns nothing of it.
    private static void Put(RunningDisk running, long block, params int[] contents)
    {
        byte[] bytes = [.. contents.SelectMany(DiskContentTests.Page)];
        running.Image.Write(block * BlockBytes, bytes);
    }

    private List<PageRun> Wanted()
    {
        List<PageRun> pages = [];
        _index.TakeWanted(pages, int.MaxValue);
        return pages;
    }
}
