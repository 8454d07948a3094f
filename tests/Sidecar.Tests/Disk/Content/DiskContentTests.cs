// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Disk;
using Hikae.Sidecar.Disk.Buffer;
using Hikae.Sidecar.Disk.Content;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hikae.Sidecar.Tests.Disk.Content;

/// <summary>One request after the other, and one inside the other.</summary>
public sealed class DiskContentTests : IDisposable
{
    private const int BlockBytes = ContentIndex.BlockBytes;

    private readonly ContentIndex _index = new(1 << 20);
    private readonly DiskContent _disk;

    public DiskContentTests()
    {
        _index.BeginSession([]);
        _disk = _index.AddDisk()!;
    }

    [Fact]
    public void What_a_client_wrote_or_read_is_known_until_it_is_overwritten_trimmed_or_zeroed()
    {
        using var running = new RunningDisk(content: _disk);
        using NbdTestClient client = running.Connect();
        client.WriteBytes(0, [.. Page(1), .. Page(2), .. Page(3), .. Page(4), .. Page(5)]);
        Assert.All([1, 2, 3, 4, 5], page => Assert.Equal(page - 1, Find(page)));

        client.WriteBytes(0, Page(6));
        client.WriteBytes(BlockBytes + 512, Page(7)[..512]);
        Assert.Equal(0u, client.Do(NbdTestClient.Trim, 2 * BlockBytes, BlockBytes).Error);
        Assert.Equal(0u, client.Do(NbdTestClient.WriteZeroes, 3 * BlockBytes, BlockBytes).Error);

        Assert.Equal(0, Find(6));
        Assert.All([1, 2, 3, 4], page => Assert.Null(Find(page)));
        byte[] mixed = client.ReadBytes(BlockBytes, BlockBytes);
        Assert.Equal(1, FindBytes(mixed));
        Assert.Equal(4, Find(5));
    }

    [Fact]
    public void A_trimmed_block_is_not_known_whatever_it_reads_as_before_it_is_written_whole()
    {
        using var running = new RunningDisk(content: _disk);
        using NbdTestClient client = running.Connect();
        running.Disk.Hold();
        client.WriteBytes(0, [.. Page(1), .. Page(2)]);
        Assert.Equal(0u, client.Do(NbdTestClient.Trim, 0, BlockBytes + 512).Error);

        Assert.Null(FindBytes(client.ReadBytes(BlockBytes, BlockBytes)));
        client.WriteBytes(BlockBytes, Page(3)[..512]);
        Assert.Null(FindBytes(client.ReadBytes(BlockBytes, BlockBytes)));

        client.WriteBytes(0, [.. Page(3), .. Page(2)]);
        Assert.Equal(0, Find(3));
        Assert.Equal(1, Find(2));
    }

    [Fact]
    public void A_block_that_was_changed_while_it_was_read_is_not_learned()
    {
        _disk.Begin();
        ulong tick = _disk.BeginRead();
        PendingChange change = _disk.BeginChange(DiskWrite.Write, 0, BlockBytes);
        _disk.EndRead(tick, 0, Page(1));
        Assert.Null(Find(1));

        tick = _disk.BeginRead();
        _disk.EndChange(change, DiskWrite.Write, 0, BlockBytes, Page(2));
        _disk.EndRead(tick, 0, Page(1));
        Assert.Null(Find(1));
        Assert.Equal(0, Find(2));
    }

    [Fact]
    public void Of_two_writes_that_overlap_neither_is_learned()
    {
        _disk.Begin();
        PendingChange first = _disk.BeginChange(DiskWrite.Write, 0, 2 * BlockBytes);
        PendingChange second = _disk.BeginChange(DiskWrite.Write, BlockBytes, BlockBytes);
        _disk.EndChange(second, DiskWrite.Write, BlockBytes, BlockBytes, Page(3));
        _disk.EndChange(first, DiskWrite.Write, 0, 2 * BlockBytes, [.. Page(1), .. Page(2)]);

        Assert.Equal(0, Find(1));
        Assert.Null(Find(2));
        Assert.Null(Find(3));
    }

    [Fact]
    public void A_write_that_is_put_off_leaves_the_block_unknown_but_open_to_the_next_read()
    {
        _disk.Begin();
        _disk.Abandon(_disk.BeginChange(DiskWrite.Write, 0, BlockBytes));
        _disk.EndRead(_disk.BeginRead(), 0, Page(1));

        Assert.Equal(0, Find(1));
    }

    [Fact]
    public void A_block_learned_after_an_epochs_seal_proves_nothing_for_that_epoch()
    {
        _disk.Begin();
        Write(0, 1);
        _index.Seal(1);
        Write(1, 2);

        Assert.True(_index.TryFind(Page(1), 1, out _));
        Assert.True(_index.TryFind(Page(1), 2, out _));
        Assert.False(_index.TryFind(Page(2), 1, out _));
        Assert.True(_index.TryFind(Page(2), 2, out _));
    }

    [Fact]
    public void A_new_session_counts_from_one_and_knows_what_was_learned_before()
    {
        _disk.Begin();
        for (ulong epoch = 1; epoch <= 5; epoch++)
        {
            _index.Seal(epoch);
        }

        Write(0, 1);
        _index.BeginSession([]);
        Assert.True(_index.TryFind(Page(1), 1, out _));
        _index.Seal(1);
        Write(1, 2);
        Assert.False(_index.TryFind(Page(2), 1, out _));
    }

    [Fact]
    public void After_a_write_that_failed_the_block_is_not_known_by_reading_it()
    {
        StuckImage image = null!;
        using var running = new RunningDisk(wrap: inner => image = new StuckImage(inner), content: _disk);
        using NbdTestClient client = running.Connect();
        client.WriteBytes(0, [.. Page(1), .. Page(2)]);
        image.Failure = new IOException("no");
        Assert.NotEqual(0u, client.Do(NbdTestClient.Write, 0, BlockBytes, Page(3)).Error);
        image.Failure = null;

        Assert.Equal(Page(1), client.ReadBytes(0, BlockBytes));
        Assert.Null(Find(1));
        Assert.Equal(1, Find(2));
        client.WriteBytes(0, Page(3));
        Assert.Equal(0, Find(3));
    }

    [Fact]
    public void After_a_flush_that_failed_nothing_of_the_disk_is_known_any_more()
    {
        StuckImage image = null!;
        using var running = new RunningDisk(wrap: inner => image = new StuckImage(inner), content: _disk);
        using NbdTestClient client = running.Connect();
        client.WriteBytes(0, Page(1));
        image.FlushFailure = new IOException("no");
        Assert.NotEqual(0u, client.Do(NbdTestClient.Flush, 0, 0).Error);

        client.ReadBytes(0, BlockBytes);
        Assert.Null(Find(1));
        client.WriteBytes(BlockBytes, Page(2));
        Assert.Null(Find(2));
    }

    [Fact]
    public void While_writes_of_a_predecessor_lie_over_the_image_nothing_is_learned()
    {
        using var running = new RunningDisk();
        using (NbdTestClient client = running.Connect())
        {
            running.Disk.Hold();
            client.WriteBytes(0, Page(1));
        }

        running.Disk.Dispose();
        running.Buffer.Dispose();
        using EpochBuffer buffer = EpochBuffer.Open(running.Folder.File("buffer"), 64 << 20, 64 << 20);
        using var next = new ServedDisk("vda", running.Image, buffer, 16 << 20, NullLogger.Instance, content: _disk);
        Sidecar.Disk.Nbd.INbdExport export = next;
        byte[] bytes = new byte[BlockBytes];
        export.Read(0, bytes);
        Assert.Equal(Page(1), bytes);
        Assert.Null(Find(1));

        next.PassThrough();
        Assert.True(next.WaitDrained(RunningDisk.Patience));
        export.Read(0, bytes);
        Assert.Equal(0, Find(1));
    }

    public void Dispose() => _index.Dispose();

    internal static byte[] Page(int content)
    {
        byte[] page = new byte[BlockBytes];
        new Random(content).NextBytes(page);
        return page;
    }

    private void Write(long block, int content)
    {
        PendingChange change = _disk.BeginChange(DiskWrite.Write, block * BlockBytes, BlockBytes);
        _disk.EndChange(change, DiskWrite.Write, block * BlockBytes, BlockBytes, Page(content));
    }

    private int? Find(int content) => FindBytes(Page(content));

    private int? FindBytes(byte[] page) => _index.TryFind(page, 1, out BlockKey block) ? (int)block.Block : null;
}
