// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.PageStore;
using Xunit;

namespace Hikae.Sidecar.Tests.PageStore;

/// <summary>Pages that come as what changed in them.</summary>
public sealed class ReplicaDeltaTests : IDisposable
{
    private static readonly RamBlockInfo Ram = new("pc.ram", 4096 * 4096L, 4096);
    private static readonly RamBlockInfo Dimm = new("dimm0", 1 << 20, 4096);

    private readonly ReplicaStore _store = new();
    private ulong _epoch;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_delta_begins_with_the_committed_version_however_it_is_stored(bool isRaw)
    {
        byte[] page = TestPages.Text(1);
        Begin(Ram);
        _store.PutHard(0, 7, isRaw ? page : TestPages.Compress(page));
        Commit();

        for (int i = 0; i < 3; i++)
        {
            Begin(Ram);
            Change(7, page, i);
            Commit();

            AssertPage(7, page);
        }
        Assert.Equal(1, _store.Statistics.HardPages);
    }

    [Fact]
    public void A_delta_begins_with_the_staged_version_when_there_is_one()
    {
        byte[] page = TestPages.Text(1);
        Begin(Ram);
        _store.PutHard(0, 7, TestPages.Random(5));
        Commit();

        Begin(Ram);
        _store.PutHard(0, 7, TestPages.Compress(page));
        Change(7, page, 1);
        Change(7, page, 2);
        Commit();

        AssertPage(7, page);
    }

    [Fact]
    public void A_torn_epoch_leaves_the_version_that_the_next_delta_begins_with()
    {
        byte[] page = TestPages.Text(1);
        Begin(Ram);
        _store.PutHard(0, 7, TestPages.Compress(page));
        Commit();
        byte[] torn = [.. page];
        Begin(Ram);
        Change(7, torn, 1);
        _store.DiscardEpoch();
        AssertPage(7, page);

        Begin(Ram);
        Change(7, page, 2);
        Commit();

        AssertPage(7, page);
    }

    [Fact]
    public void A_delta_without_runs_proves_the_page_and_changes_nothing()
    {
        byte[] page = TestPages.Text(1);
        Begin(Ram);
        _store.PutHard(0, 7, TestPages.Compress(page));
        Commit();

        Begin(Ram);
        _store.PutDelta(0, 7, PageCheck.Of(page), []);
        _store.PutDelta(0, 7, PageCheck.Of(page), []);
        Assert.Throws<ReplicationProtocolException>(() => _store.PutDelta(0, 7, PageCheck.Of(page) + 1, []));
        Commit();

        AssertPage(7, page);
    }

    [Theory]
    [InlineData("never sent")]
    [InlineData("zero")]
    [InlineData("free")]
    [InlineData("on disk")]
    [InlineData("all zero")]
    [InlineData("all free")]
    [InlineData("beyond the block")]
    public void A_delta_of_a_page_without_bytes_is_refused(string last)
    {
        foreach (bool isCommitted in (bool[])[true, false])
        {
            byte[] page = TestPages.Random(1);
            Begin(Ram);
            _store.PutHard(0, 7, page);
            Commit();
            Begin(Ram);
            long delta = 7;
            switch (last)
            {
                case "never sent":
                    delta = 8;
                    break;
                case "zero":
                    _store.PutSoft(0, 7, 1, SoftClass.Zero);
                    break;
                case "free":
                    _store.PutSoft(0, 7, 1, SoftClass.Free);
                    break;
                case "on disk":
                    _store.PutOnDisk(0, 7, 0, 5, [1]);
                    break;
                case "all zero":
                    _store.PutSoft(0, 0, 512, SoftClass.Zero);
                    break;
                case "all free":
                    _store.PutSoft(0, 0, 512, SoftClass.Free);
                    break;
                default:
                    delta = 4096;
                    break;
            }
            if (isCommitted)
            {
                Commit();
                Begin(Ram);
            }

            Assert.Throws<ReplicationProtocolException>(() => _store.PutDelta(0, delta, PageCheck.Of(page), []));
            Assert.Throws<ReplicationProtocolException>(() => _store.PutDelta(0, delta, PageCheck.Of(new byte[4096]), []));
            _store.DiscardEpoch();
        }
    }

    [Fact]
    public void A_delta_in_a_block_that_just_came_is_refused()
    {
        Begin(Ram);
        Commit();
        Begin(Ram, Dimm);

        Assert.Throws<ReplicationProtocolException>(() => _store.PutDelta(1, 0, 0, []));
        Assert.Throws<ReplicationProtocolException>(() => _store.PutDelta(2, 0, 0, []));
    }

    [Fact]
    public void What_is_not_the_page_that_the_check_stands_for_is_refused_and_the_checkpoint_stays()
    {
        byte[] page = TestPages.Text(1);
        Begin(Ram);
        _store.PutHard(0, 7, TestPages.Compress(page));
        Commit();
        Begin(Ram);

        byte[] changed = [.. page];
        changed[9] ^= 1;
        byte[] otherVersion = [.. page];
        otherVersion[5] ^= 1;
        Assert.Throws<ReplicationProtocolException>(() => _store.PutDelta(0, 7, PageCheck.Of(changed), Delta(page, otherVersion)));
        Assert.Throws<ReplicationProtocolException>(() => _store.PutDelta(0, 7, PageCheck.Of(changed), [0, 0, 0, 0]));
        Assert.Throws<ReplicationProtocolException>(() => _store.PutDelta(0, 7, PageCheck.Of(changed), [.. Delta(page, changed), 1]));
        _store.DiscardEpoch();

        AssertPage(7, page);
    }

    [Fact]
    public void A_version_that_cannot_be_opened_is_refused()
    {
        byte[] frame = TestPages.Compress(TestPages.Text(1));
        byte[] half = TestPages.Compress(TestPages.Text(1)[..2048]);
        Begin(Ram);
        _store.PutHard(0, 7, frame.AsSpan(0, frame.Length - 5));
        _store.PutHard(0, 8, half);
        _store.PutHard(0, 9, [.. frame[..4], .. TestPages.Random(3)[..500]]);

        Assert.All([7, 8, 9], page => Assert.Throws<ReplicationProtocolException>(() => _store.PutDelta(0, page, 0, [])));
    }

    [Fact]
    public void Warm_pages_are_raw_up_to_a_bound_and_are_compressed_when_they_cool()
    {
        const int Pages = ReplicaStore.MaxWarmPages - 96;
        byte[][] pages = [.. Enumerable.Range(0, 4096).Select(page => Enumerable.Repeat((byte)(page + 1), 4096).ToArray())];
        Begin(Ram);
        for (int page = 0; page < 4096; page++)
        {
            pages[page][0] = 200;
            _store.PutHard(0, page, TestPages.Compress(pages[page]));
        }
        Commit();
        long cold = _store.Statistics.StoredBytes;

        Begin(Ram);
        for (int page = 0; page < Pages; page++)
        {
            Change(page, pages[page], page);
        }
        Commit();
        Assert.InRange(_store.Statistics.StoredBytes, Pages * 4096L, (Pages * 4096L) + cold);

        // What was said otherwise of a page that was warm stays.
        Begin(Ram);
        _store.PutSoft(0, 0, 3, SoftClass.Zero);
        _store.PutHard(0, 3, TestPages.Compress(TestPages.Text(4)));
        Change(4, pages[4], 77);
        Commit();
        for (int i = 0; i < ReplicaStore.WarmEpochs + (Pages / 256) + 1; i++)
        {
            Begin(Ram);
            Change(5, pages[5], i);
            Commit();
        }

        Assert.InRange(_store.Statistics.StoredBytes, cold / 2, (cold * 2) + 4096 + 4096);
        Assert.Equal(PageKind.Zero, _store.Get(0, 2));
        AssertPage(3, TestPages.Text(4));
        for (int page = 4; page < 4096; page++)
        {
            AssertPage(page, pages[page]);
        }
    }

    [Fact]
    public void Warm_pages_of_a_block_that_was_unplugged_are_forgotten()
    {
        byte[] page = TestPages.Text(1);
        Begin(Ram, Dimm);
        _store.PutHard(1, 200, TestPages.Compress(page));
        Commit();
        Begin(Ram, Dimm);
        _store.PutDelta(1, 200, PageCheck.Of(page), []);
        Commit();
        Begin(Ram, Dimm with { UsedBytes = 100 * 4096 });
        Commit();
        Begin(Ram);
        Commit();

        for (int i = 0; i <= ReplicaStore.WarmEpochs; i++)
        {
            Begin(Ram);
            Commit();
        }

        Assert.Equal(0, _store.Statistics.StoredBytes);
    }

    [Fact]
    public void A_peer_that_sends_deltas_of_all_pages_gains_no_memory()
    {
        RamBlockInfo large = Ram with { UsedBytes = 3L * ReplicaStore.MaxWarmPages * 4096 };
        byte[] page = TestPages.Text(1);
        byte[] frame = TestPages.Compress(page);
        Begin(large);
        for (int i = 0; i < 3 * ReplicaStore.MaxWarmPages; i++)
        {
            _store.PutHard(0, i, frame);
        }
        Commit();

        Begin(large);
        byte[] changed = [.. page];
        changed[4000] ^= 1;
        byte[] delta = Delta(page, changed);
        for (int i = 0; i < 3 * ReplicaStore.MaxWarmPages; i++)
        {
            _store.PutDelta(0, i, PageCheck.Of(changed), delta);
        }
        Commit();

        Assert.InRange(
            _store.Statistics.StoredBytes, ReplicaStore.MaxWarmPages * 4096L, (ReplicaStore.MaxWarmPages * 4096L) + (2L * ReplicaStore.MaxWarmPages * (frame.Length + 100)));
        AssertPage((3 * ReplicaStore.MaxWarmPages) - 1, changed);
    }

    [Fact]
    public void What_is_hot_may_move_on_again_and_again_and_only_so_much_is_raw()
    {
        const int Rounds = 3;
        RamBlockInfo large = Ram with { UsedBytes = Rounds * ReplicaStore.MaxWarmPages * 4096L };
        byte[] page = TestPages.Text(1);
        byte[] frame = TestPages.Compress(page);
        Begin(large);
        for (int i = 0; i < Rounds * ReplicaStore.MaxWarmPages; i++)
        {
            _store.PutHard(0, i, frame);
        }
        Commit();
        byte[] changed = [.. page];
        changed[4000] ^= 1;
        byte[][] versions = [page, changed];
        byte[][] deltas = [Delta(changed, page), Delta(page, changed)];

        for (int round = 0; round < Rounds; round++)
        {
            for (int epoch = 0; epoch < ReplicaStore.WarmEpochs + 3; epoch++)
            {
                Begin(large);
                for (int i = 0; i < ReplicaStore.MaxWarmPages; i++)
                {
                    _store.PutDelta(0, (round * ReplicaStore.MaxWarmPages) + i, PageCheck.Of(versions[(epoch + 1) % 2]), deltas[(epoch + 1) % 2]);
                }
                Commit();
            }

            Assert.InRange(
                _store.Statistics.StoredBytes, 1, (ReplicaStore.MaxWarmPages * 4096L) + ((long)Rounds * ReplicaStore.MaxWarmPages * (frame.Length + 100)));
        }
    }

    [Fact]
    public void Nothing_is_allocated_for_a_page()
    {
        byte[] page = TestPages.Text(1);
        Begin(Ram);
        for (int i = 0; i < 1000; i++)
        {
            _store.PutHard(0, i, TestPages.Compress(page));
        }
        Commit();
        byte[] changed = [.. page];
        changed[4000] ^= 1;
        byte[] there = Delta(page, changed);
        byte[] back = Delta(changed, page);
        (ulong check, ulong checkOfBack) = (PageCheck.Of(changed), PageCheck.Of(page));
        Begin(Ram);
        Pass();

        long before = GC.GetAllocatedBytesForCurrentThread();
        Pass();

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Pass()
        {
            for (int i = 0; i < 1000; i++)
            {
                _store.PutDelta(0, i, check, there);
                _store.PutDelta(0, i, checkOfBack, back);
            }
        }
    }

    public void Dispose() => _store.Dispose();

    private static byte[] Delta(byte[] before, byte[] after)
    {
        byte[] delta = new byte[2 * 4096];
        Assert.True(PageDelta.TryEncode(before, after, delta, out int length));
        return delta[..length];
    }

    private void Begin(params RamBlockInfo[] blocks)
    {
        _store.SetBlocks(blocks);
        _store.BeginEpoch(++_epoch);
        _store.SetDeviceState([1]);
    }

    private void Commit() => _store.CommitEpoch();

    /// <summary>Changes a few bytes of the page and puts what changed.</summary>
    private void Change(long page, byte[] bytes, int value)
    {
        byte[] before = [.. bytes];
        bytes[8 * (value % 500)] ^= 0x55;
        bytes[^1] = (byte)value;
        _store.PutDelta(0, page, PageCheck.Of(bytes), Delta(before, bytes));
    }

    private void AssertPage(long page, byte[] expected)
    {
        byte[] read = new byte[4096];
        Assert.Equal(PageKind.Hard, _store.ReadPage(0, page, read));
        Assert.Equal(expected, read);
    }
}
