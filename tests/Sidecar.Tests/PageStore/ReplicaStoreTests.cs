// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.PageStore;
using Xunit;

namespace Hikae.Sidecar.Tests.PageStore;

public sealed class ReplicaStoreTests
{
    private static readonly RamBlockInfo Ram = new("pc.ram", 16L << 20, 4096);
    private static readonly RamBlockInfo Dimm = new("dimm0", 4L << 20, 4096);

    [Fact]
    public void A_page_reads_back_as_it_was_put()
    {
        using ReplicaStore store = new();
        byte[] raw = TestPages.Random(1);
        byte[] text = TestPages.Text(2);

        Begin(store, 1, Ram);
        store.PutHard(0, 7, raw);
        store.PutHard(0, 8, TestPages.Compress(text));
        store.PutSoft(0, 9, 1, SoftClass.Free);
        Commit(store);

        AssertPage(store, 7, PageKind.Hard, raw);
        AssertPage(store, 8, PageKind.Hard, text);
        AssertPage(store, 9, PageKind.Free, new byte[4096]);
        AssertPage(store, 10, PageKind.Zero, new byte[4096]);
    }

    [Fact]
    public void A_page_that_cannot_be_stored_leaves_no_slot_with_two_owners()
    {
        using var arena = new PageArena();
        using var staged = new StagedPages(16, arena);
        byte[] committed = TestPages.Random(1);
        staged.PutHard(0, 0, TestPages.Random(2));

        Assert.ThrowsAny<Exception>(() => staged.PutHard(0, 0, new byte[1 << 20]));
        PageEntry other = arena.Store(1, committed);
        staged.DiscardAll();
        arena.Store(2, TestPages.Random(3));

        Assert.Equal(committed, arena.Read(other).ToArray());
    }

    [Fact]
    public void Nothing_of_an_epoch_is_seen_before_its_commit()
    {
        using ReplicaStore store = new();
        Begin(store, 1, Ram);
        store.PutHard(0, 0, TestPages.Random(1));
        Commit(store);

        store.BeginEpoch(2);
        store.PutHard(0, 0, TestPages.Random(2));
        store.PutSoft(0, 1, 1, SoftClass.Free);
        store.SetDeviceState([9, 9]);

        Assert.Equal(TestPages.Random(1), Read(store, 0, 0).Bytes);
        Assert.Equal(PageKind.Zero, store.Get(0, 1));
        Assert.Equal(1ul, store.CommittedEpoch);
        Assert.Equal([1, 2, 3], store.DeviceState.ToArray());
    }

    [Fact]
    public void A_torn_epoch_leaves_the_committed_one_byte_for_byte()
    {
        using ReplicaStore store = new();
        Begin(store, 1, Ram);
        for (int page = 0; page < 2000; page++)
        {
            store.PutHard(0, page, page % 3 == 0 ? TestPages.Random(page) : TestPages.Compress(TestPages.Text(page)));
        }
        Commit(store);
        byte[] before = Image(store);
        ReplicaStatistics statistics = store.Statistics;

        store.SetBlocks([Ram, Dimm]);
        store.BeginEpoch(2);
        for (int page = 0; page < 3000; page++)
        {
            store.PutHard(0, page, TestPages.Random(page + 5000));
        }
        store.PutSoft(0, 0, 1000, SoftClass.Zero);
        store.PutHard(1, 3, TestPages.Random(1));
        store.SetDeviceState([4]);
        store.DiscardEpoch();

        Assert.Equal(before, Image(store));
        Assert.Equal([Ram], store.Blocks);
        Assert.Equal([1, 2, 3], store.DeviceState.ToArray());
        Assert.Equal(statistics with { StoredBytes = 0, ArenaBytes = 0, TableBytes = 0, DeviceStateBytes = 0 }, store.Statistics with { StoredBytes = 0, ArenaBytes = 0, TableBytes = 0, DeviceStateBytes = 0 });
        Assert.True(store.Statistics.ArenaBytes <= statistics.ArenaBytes * 5 / 4);
    }

    [Fact]
    public void Lists_that_follow_each_other_in_an_epoch_gather_no_blocks()
    {
        using ReplicaStore store = new();
        store.BeginEpoch(1);
        for (int list = 0; list < 100; list++)
        {
            store.SetBlocks([new RamBlockInfo($"block{list}", 1L << 40, 4096)]);
        }

        // A block of 1 TiB has 2 bytes for each of its 524,288 chunks.
        Assert.InRange(store.Statistics.TableBytes, 1 << 20, 3 << 20);
    }

    [Fact]
    public void Pages_that_are_called_soft_over_and_over_end_the_epoch()
    {
        using ReplicaStore store = new();
        Begin(store, 1, Ram);
        for (int i = 0; i < 64; i++)
        {
            store.PutSoft(0, 0, Ram.PageCount, SoftClass.Zero);
        }

        Assert.Throws<ReplicationProtocolException>(() => store.PutSoft(0, 0, 1, SoftClass.Free));
    }

    [Fact]
    public void A_list_that_grows_in_an_epoch_keeps_its_pages_and_any_other_begins_it_anew()
    {
        using ReplicaStore store = new();
        Begin(store, 1, Ram);
        store.PutHard(0, 0, TestPages.Random(1));
        store.SetBlocks([Ram, Dimm]);
        store.PutHard(1, 3, TestPages.Random(2));
        Commit(store);
        Assert.Equal(TestPages.Random(1), Read(store, 0, 0).Bytes);
        Assert.Equal(TestPages.Random(2), Read(store, 1, 3).Bytes);
        Assert.Equal(PageKind.Zero, store.Get(1, 0));

        store.BeginEpoch(2);
        store.PutHard(0, 0, TestPages.Random(3));
        store.PutHard(1, 3, TestPages.Random(4));
        store.SetBlocks([Dimm with { UsedBytes = Dimm.UsedBytes * 2 }, Ram]);
        store.PutHard(1, 1, TestPages.Random(5));
        Commit(store);

        Assert.Equal(TestPages.Random(2), Read(store, 0, 3).Bytes);
        Assert.Equal(TestPages.Random(1), Read(store, 1, 0).Bytes);
        Assert.Equal(TestPages.Random(5), Read(store, 1, 1).Bytes);
    }

    [Fact]
    public void The_last_word_of_an_epoch_about_a_page_wins()
    {
        using ReplicaStore store = new();
        Begin(store, 1, Ram);
        store.PutHard(0, 0, TestPages.Random(1));
        store.PutHard(0, 0, TestPages.Random(2));
        store.PutHard(0, 1, TestPages.Random(3));
        store.PutSoft(0, 0, 4096, SoftClass.Free);
        store.PutHard(0, 2, TestPages.Random(4));
        Commit(store);

        Assert.Equal(PageKind.Free, store.Get(0, 0));
        Assert.Equal(PageKind.Free, store.Get(0, 1));
        Assert.Equal(TestPages.Random(4), Read(store, 0, 2).Bytes);
        Assert.Equal(1, store.Statistics.HardPages);
    }

    [Fact]
    public void Blocks_come_go_and_change_size_with_the_commit()
    {
        using ReplicaStore store = new();
        Begin(store, 1, Ram, Dimm);
        store.PutHard(0, 5, TestPages.Random(5));
        store.PutHard(1, 1, TestPages.Random(1));
        store.PutHard(1, 1000, TestPages.Random(2));
        Commit(store);

        // The DIMM shrinks and a second one comes in front of it.
        RamBlockInfo smaller = Dimm with { UsedBytes = 1 << 20 };
        RamBlockInfo second = new("dimm1", 2 << 20, 4096);
        Begin(store, 2, second, smaller, Ram);
        store.PutHard(0, 511, TestPages.Random(7));
        Assert.Equal([Ram, Dimm], store.Blocks);
        Commit(store);

        Assert.Equal([second, smaller, Ram], store.Blocks);
        Assert.Equal(TestPages.Random(7), Read(store, 0, 511).Bytes);
        Assert.Equal(TestPages.Random(1), Read(store, 1, 1).Bytes);
        Assert.Equal(TestPages.Random(5), Read(store, 2, 5).Bytes);
        Assert.Equal(3, store.Statistics.HardPages);

        // It grows again: what it had lost is zero. The other one is unplugged.
        Begin(store, 3, Ram, Dimm);
        Commit(store);

        Assert.Equal(TestPages.Random(5), Read(store, 0, 5).Bytes);
        Assert.Equal(TestPages.Random(1), Read(store, 1, 1).Bytes);
        Assert.Equal(PageKind.Zero, store.Get(1, 1000));
        Assert.Equal(2, store.Statistics.HardPages);
    }

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(1, 0)]
    [InlineData(0, -1)]
    [InlineData(0, 4096)]
    public void A_page_outside_the_guest_is_refused(int block, long page)
    {
        using ReplicaStore store = new();
        Begin(store, 1, Ram);

        Assert.Throws<ReplicationProtocolException>(() => store.PutHard(block, page, TestPages.Random(1)));
        Assert.Throws<ReplicationProtocolException>(() => store.PutSoft(block, page, 1, SoftClass.Zero));
    }

    [Theory]
    [InlineData(1, 4096)]
    [InlineData(0, 4097)]
    [InlineData(0, long.MaxValue)]
    [InlineData(4095, 2)]
    [InlineData(0, 0)]
    [InlineData(0, -1)]
    public void A_run_that_leaves_its_block_is_refused(long first, long count)
    {
        using ReplicaStore store = new();
        Begin(store, 1, Ram);

        Assert.Throws<ReplicationProtocolException>(() => store.PutSoft(0, first, count, SoftClass.Free));
    }

    [Fact]
    public void Stored_bytes_that_cannot_be_a_page_are_refused()
    {
        using ReplicaStore store = new();
        Begin(store, 1, Ram);

        Assert.Throws<ReplicationProtocolException>(() => store.PutHard(0, 0, []));
        Assert.Throws<ReplicationProtocolException>(() => store.PutHard(0, 0, new byte[4097]));
        Assert.Throws<ReplicationProtocolException>(() => store.PutHard(0, 0, new byte[100]));
    }

    [Fact]
    public void A_frame_that_does_not_give_one_page_is_named_when_read()
    {
        using ReplicaStore store = new();
        byte[] tooShort = TestPages.Compress(new byte[100]);
        byte[] tooLong = TestPages.Compress(new byte[8192]);
        byte[] cut = TestPages.Compress(TestPages.Text(1))[..^9];
        Begin(store, 1, Ram);
        store.PutHard(0, 10, tooShort);
        store.PutHard(0, 11, tooLong);
        store.PutHard(0, 12, cut);
        Commit(store);

        Assert.Contains("Page 10 of RAM block pc.ram", Assert.Throws<DamagedPageException>(() => Read(store, 0, 10)).Message, StringComparison.Ordinal);
        Assert.Contains("Page 11 of", Assert.Throws<DamagedPageException>(() => Read(store, 0, 11)).Message, StringComparison.Ordinal);
        Assert.Contains("Page 12 of", Assert.Throws<DamagedPageException>(() => Read(store, 0, 12)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_epoch_without_device_state_cannot_be_committed()
    {
        using ReplicaStore store = new();
        Begin(store, 1, Ram);
        store.SetDeviceState([]);

        Assert.Throws<ReplicationProtocolException>(store.CommitEpoch);
        Assert.False(store.HasCheckpoint);
    }

    [Fact]
    public void Impossible_block_lists_are_refused()
    {
        using ReplicaStore store = new();

        Assert.Throws<ReplicationProtocolException>(() => store.SetBlocks([]));
        Assert.Throws<ReplicationProtocolException>(() => store.SetBlocks([Ram, Ram]));
        Assert.Throws<ReplicationProtocolException>(() => store.SetBlocks([Ram with { UsedBytes = 4095 }]));
        Assert.Throws<ReplicationProtocolException>(() => store.SetBlocks([Ram with { UsedBytes = -4096 }]));
        Assert.Throws<ReplicationProtocolException>(() => store.SetBlocks([Ram with { UsedBytes = ReplicationLimits.MaxGuestBytes }, Dimm]));
    }

    [Fact]
    public void Device_state_has_a_limit()
    {
        using ReplicaStore store = new();
        Begin(store, 1, Ram);
        store.SetDeviceState(new byte[ReplicationLimits.MaxDeviceStateBytes]);

        Assert.Throws<ReplicationProtocolException>(() => store.AppendDeviceState([1]));
    }

    [Fact]
    public void Putting_committing_and_reading_a_page_allocates_nothing()
    {
        using ReplicaStore store = new();
        byte[] raw = TestPages.Random(1);
        byte[] frame = TestPages.Compress(TestPages.Text(2));
        byte[] page = new byte[4096];
        ulong epoch = 0;
        Begin(store, ++epoch, Ram);
        Commit(store);
        Replicate();
        Replicate(); // the JIT, the arena's regions and the decompressor settle here, outside the measurement

        long before = GC.GetAllocatedBytesForCurrentThread();
        Replicate();
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(0, allocated);

        void Replicate()
        {
            store.BeginEpoch(++epoch);
            for (int i = 0; i < 4096; i++)
            {
                store.PutHard(0, i, (i + (int)epoch) % 2 == 0 ? raw : frame);
            }
            store.PutSoft(0, 100, 2000, SoftClass.Free);
            store.SetDeviceState([1]);
            store.CommitEpoch();
            for (int i = 0; i < 4096; i++)
            {
                store.ReadPage(0, i, page);
            }
        }
    }

    private static void Begin(ReplicaStore store, ulong epoch, params RamBlockInfo[] blocks)
    {
        store.SetBlocks(blocks);
        store.BeginEpoch(epoch);
    }

    private static void Commit(ReplicaStore store)
    {
        store.SetDeviceState([1, 2]);
        store.AppendDeviceState([3]);
        store.CommitEpoch();
    }

    private static (PageKind Kind, byte[] Bytes) Read(ReplicaStore store, int block, long page)
    {
        byte[] bytes = new byte[4096];
        return (store.ReadPage(block, page, bytes), bytes);
    }

    private static void AssertPage(ReplicaStore store, long page, PageKind kind, byte[] bytes)
    {
        Assert.Equal(kind, store.Get(0, page));
        Assert.Equal(bytes, Read(store, 0, page).Bytes);
    }

    private static byte[] Image(ReplicaStore store)
    {
        MemoryStream image = new();
        for (int block = 0; block < store.Blocks.Count; block++)
        {
            for (long page = 0; page < store.Blocks[block].PageCount; page++)
            {
                (PageKind kind, byte[] bytes) = Read(store, block, page);
                image.WriteByte((byte)kind);
                image.Write(bytes);
            }
        }
        return image.ToArray();
    }
}
