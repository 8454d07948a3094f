// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Disk.Content;
using Xunit;
using DiskWrite = Hikae.Sidecar.Disk.Buffer.DiskWrite;

namespace Hikae.Sidecar.Tests.Disk.Content;

public sealed class PageReferencesTests : IDisposable
{
    private const int BlockBytes = ContentIndex.BlockBytes;

    private static readonly RamBlockInfo[] Ram = [new("pc.ram", 1000 * 4096, 4096), new("empty", 0, 4096), new("rom", 10 * 4096, 4096)];

    private readonly ContentIndex _index = new(1 << 20);
    private readonly DiskContent _disk;

    public PageReferencesTests()
    {
        _disk = _index.AddDisk()!;
        _disk.Begin();
        _index.BeginSession([_disk]);
        _index.CloseReferences(Ram);
        _index.OpenReferences(Ram);
    }

    [Fact]
    public void Pages_of_an_overwritten_block_are_stale_once_and_in_order()
    {
        Write(0, 1);
        Write(1, 2);
        Assert.True(Refer(2, 9, 1));
        Assert.True(Refer(0, 999, 1));
        Assert.True(Refer(0, 7, 1));
        Assert.True(Refer(0, 8, 1));
        Assert.True(Refer(0, 100, 2));

        Write(0, 3);

        Assert.Equal([new PageRun(0, 7, 2), new PageRun(0, 999, 1), new PageRun(2, 9, 1)], Stale());
        Assert.Empty(Stale());
        Write(0, 4);
        Assert.Empty(Stale());
        Trim(1);
        Assert.Equal([new PageRun(0, 100, 1)], Stale());
    }

    [Fact]
    public void A_page_that_was_sent_otherwise_refers_to_nothing()
    {
        Write(0, 1);
        Write(1, 2);
        for (uint page = 0; page < 5; page++)
        {
            Assert.True(Refer(0, page, 1));
        }

        Assert.False(Refer(0, 1, 99));
        Assert.False(_index.TryRefer(0, 3, new byte[BlockBytes], 1, out _, out _));
        Assert.True(Refer(0, 4, 2));
        _index.Unrefer(0, 0, 1);

        Write(0, 5);
        Assert.Equal([new PageRun(0, 2, 1)], Stale());
        Write(1, 6);
        Assert.Equal([new PageRun(0, 4, 1)], Stale());
    }

    [Fact]
    public void A_change_that_was_put_off_makes_stale_and_so_does_one_that_nobody_told()
    {
        Write(0, 1);
        Assert.True(Refer(0, 0, 1));
        _disk.Abandon(_disk.BeginChange(DiskWrite.Write, 0, BlockBytes));
        Assert.Equal([new PageRun(0, 0, 1)], Stale());

        Write(0, 1);
        Assert.True(Refer(0, 0, 1));
        _disk.EndRead(_disk.BeginRead(), 0, DiskContentTests.Page(2));
        Assert.Equal([new PageRun(0, 0, 1)], Stale());
        Assert.True(Refer(0, 0, 2));
    }

    [Fact]
    public void A_disk_that_is_not_trusted_any_more_makes_all_its_pages_stale()
    {
        for (int i = 0; i < 100; i++)
        {
            Write(i, i + 1);
            Assert.True(Refer(0, (uint)i, i + 1));
        }

        Assert.False(_index.HasStale);
        _disk.Distrust();

        Assert.True(_index.HasStale);
        Assert.Equal([new PageRun(0, 0, 100)], Stale());
        Assert.False(Refer(0, 0, 1));
    }

    [Fact]
    public void Nothing_refers_to_a_disk_that_the_backup_was_not_told_of()
    {
        DiskContent other = _index.AddDisk()!;
        other.Begin();
        PendingChange change = other.BeginChange(DiskWrite.Write, 0, BlockBytes);
        other.EndChange(change, DiskWrite.Write, 0, BlockBytes, DiskContentTests.Page(1));
        Assert.False(Refer(0, 0, 1));

        // Where both have it, the other one is taken.
        Write(5, 1);
        Assert.True(_index.TryRefer(0, 0, DiskContentTests.Page(1), 1, out int disk, out long block));
        Assert.Equal((0, 5L), (disk, block));
    }

    [Fact]
    public void When_the_guests_memory_changes_its_shape_no_page_refers_to_anything_until_the_link_has_it_too()
    {
        Write(0, 1);
        Assert.True(Refer(0, 0, 1));
        RamBlockInfo[] next = [Ram[2], Ram[0]];

        _index.CloseReferences(next);
        Assert.False(Refer(0, 0, 1));
        _index.OpenReferences(Ram);
        Assert.False(Refer(0, 0, 1));
        Write(0, 2);
        Assert.Empty(Stale());

        _index.OpenReferences(next);
        Assert.True(Refer(1, 999, 2));
        Write(0, 3);
        Assert.Equal([new PageRun(1, 999, 1)], Stale());
    }

    [Fact]
    public void Memory_that_was_plugged_in_has_references_and_the_rest_keeps_its_own()
    {
        Write(0, 1);
        Write(1, 2);
        Assert.True(Refer(2, 9, 1));
        RamBlockInfo[] next = [.. Ram, new("dimm0", 5000 * 4096, 4096)];

        _index.GrowReferences(next);
        _index.OpenReferences(next);
        Assert.True(Refer(3, 4999, 1));
        Assert.True(Refer(3, 0, 2));

        Write(0, 3);
        Assert.Equal([new PageRun(2, 9, 1), new PageRun(3, 4999, 1)], Stale());
        Write(1, 3);
        Assert.Equal([new PageRun(3, 0, 1)], Stale());
    }

    [Fact]
    public void More_pages_than_a_block_may_have_are_not_references()
    {
        Write(0, 1);

        Assert.Equal(32, Enumerable.Range(0, 100).Count(page => Refer(0, (uint)page, 1)));
        Write(0, 2);
        Assert.Equal([new PageRun(0, 0, 32)], Stale());
    }

    [Fact]
    public void Pages_that_were_sent_before_a_block_that_equals_them_was_known_are_wanted_once()
    {
        Assert.False(Refer(0, 7, 1));
        Assert.False(Refer(2, 3, 1));
        Assert.False(Refer(0, 8, 2));
        Assert.Empty(Wanted());

        Write(5, 1);
        Assert.Equal([new PageRun(0, 7, 1), new PageRun(2, 3, 1)], Wanted());
        Assert.Empty(Wanted());
        Assert.True(ReferAgain(0, 7, 1));
        Write(5, 3);
        Assert.Equal([new PageRun(0, 7, 1)], Stale());

        // The other one was not made a reference, so it is wanted again for the next block.
        _disk.EndRead(_disk.BeginRead(), 9 * BlockBytes, DiskContentTests.Page(1));
        Assert.Equal([new PageRun(2, 3, 1)], Wanted());
        _disk.EndRead(_disk.BeginRead(), 9 * BlockBytes, DiskContentTests.Page(1));
        Assert.Empty(Wanted());
    }

    [Fact]
    public void A_page_of_which_the_backup_was_told_something_else_is_not_wanted()
    {
        for (uint page = 0; page < 4; page++)
        {
            Assert.False(Refer(0, page, 1));
        }
        _index.Unrefer(0, 0, 1);
        Assert.False(Refer(0, 1, 2));
        Assert.False(_index.TryRefer(0, 2, new byte[BlockBytes], 1, out _, out _));

        Write(0, 1);
        Write(1, 3);
        Assert.True(Refer(0, 3, 3));

        Assert.Empty(Wanted());
        Write(2, 2);
        Assert.Equal([new PageRun(0, 1, 1)], Wanted());
    }

    [Fact]
    public void What_was_read_again_changes_nothing_where_it_is_on_no_disk_or_the_page_is_a_reference_already()
    {
        Write(0, 1);
        Assert.True(Refer(0, 0, 1));
        Assert.False(Refer(0, 1, 2));

        Write(1, 3);
        Assert.False(ReferAgain(0, 0, 3));
        Assert.False(ReferAgain(0, 1, 4));

        Write(2, 2);
        Assert.Equal([new PageRun(0, 1, 1)], Wanted());
        Write(0, 5);
        Assert.Equal([new PageRun(0, 0, 1)], Stale());
    }

    [Fact]
    public void A_block_that_is_too_young_for_a_pages_epoch_is_taken_in_the_next()
    {
        _index.Seal(1);
        Write(0, 1);

        Assert.False(Refer(0, 9, 1));
        Assert.Equal([new PageRun(0, 9, 1)], Wanted());
        Assert.False(ReferAgain(0, 9, 1));
        Assert.True(ReferAgain(0, 9, 1, epoch: 2));
    }

    [Fact]
    public void Wanted_pages_are_taken_in_parts_and_all_of_them_in_the_end()
    {
        for (uint page = 0; page < 300; page++)
        {
            Assert.False(Refer(0, page * 3, (int)page));
        }
        for (int block = 0; block < 300; block++)
        {
            Write(block, block);
        }

        HashSet<uint> taken = [];
        for (int part = 0; part < 10; part++)
        {
            List<PageRun> pages = [];
            _index.TakeWanted(pages, 30);
            Assert.Equal(30, pages.Count);
            taken.UnionWith(pages.Select(run => run.FirstPage));
        }
        Assert.Equal(Enumerable.Range(0, 300).Select(page => (uint)page * 3), taken.Order());
        Assert.Empty(Wanted());
    }

    [Fact]
    public void Of_many_pages_with_the_same_content_only_as_many_are_remembered_as_may_refer_to_a_block()
    {
        for (uint page = 0; page < 100; page++)
        {
            Assert.False(Refer(0, page, 1));
        }
        Write(0, 1);
        Assert.Equal([new PageRun(0, 0, 32)], Wanted());
    }

    public void Dispose() => _index.Dispose();

    private bool Refer(int block, uint page, int content) => _index.TryRefer(block, page, DiskContentTests.Page(content), 1, out _, out _);

    private bool ReferAgain(int block, uint page, int content, ulong epoch = 1) =>
        _index.TryReferAgain(block, page, DiskContentTests.Page(content), epoch, out _, out _);

    private List<PageRun> Wanted()
    {
        List<PageRun> pages = [];
        _index.TakeWanted(pages, int.MaxValue);
        return pages;
    }

    private List<PageRun> Stale()
    {
        List<PageRun> pages = [];
        _index.TakeStale(pages);
        return pages;
    }

    private void Write(long block, int content)
    {
        PendingChange change = _disk.BeginChange(DiskWrite.Write, block * BlockBytes, BlockBytes);
        _disk.EndChange(change, DiskWrite.Write, block * BlockBytes, BlockBytes, DiskContentTests.Page(content));
    }

    private void Trim(long block)
    {
        PendingChange change = _disk.BeginChange(DiskWrite.Trim, block * BlockBytes, BlockBytes);
        _disk.EndChange(change, DiskWrite.Trim, block * BlockBytes, BlockBytes, []);
    }
}
