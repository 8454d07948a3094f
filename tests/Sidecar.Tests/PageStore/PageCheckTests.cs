// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.PageStore;
using Xunit;

namespace Hikae.Sidecar.Tests.PageStore;

/// <summary>References whose disk is not what it was.</summary>
public sealed class PageCheckTests : IDisposable
{
    private readonly ReplicaStore _store = new();
    private readonly byte[] _page = new byte[4096];
    private ulong _epoch;

    public PageCheckTests()
    {
        _store.SetBlocks([new RamBlockInfo("pc.ram", 2000 * 4096L, 4096)]);
        Commit(() =>
        {
            _store.PutHard(0, 5, TestPages.Random(5));
            _store.PutOnDisk(0, 600, 3, 70, NumberedBlocks.Checks(70, 10));
        });
    }

    [Fact]
    public void A_block_that_has_one_bit_changed_is_no_page()
    {
        var disks = new FlakyBlocks(wrong: int.MaxValue, most: 4);
        _store.Disks = disks;

        DamagedPageException damage = Assert.Throws<DamagedPageException>(() => _store.ReadPage(0, 605, _page));

        Assert.Equal("Page 605 of RAM block pc.ram is damaged: block 75 of disk 3 has other bytes than the primary saw there.", damage.Message);
        Assert.Equal(5, disks.Reads);
    }

    [Fact]
    public void What_is_right_at_last_is_the_page()
    {
        var disks = new FlakyBlocks(wrong: 3, most: 4);
        _store.Disks = disks;

        Assert.Equal(PageKind.OnDisk, _store.ReadPage(0, 605, _page));
        Assert.Equal(NumberedBlocks.Bytes(75), _page);
        Assert.Equal(4, disks.Reads);
    }

    [Fact]
    public void The_same_block_with_another_content_has_another_check_from_the_commit_on()
    {
        _store.Disks = new NumberedBlocks();
        Begin(() => _store.PutOnDisk(0, 605, 3, 75, [1]));
        Assert.Equal(PageKind.OnDisk, _store.ReadPage(0, 605, _page));
        _store.DiscardEpoch();
        Assert.Equal(PageKind.OnDisk, _store.ReadPage(0, 605, _page));

        Commit(() => _store.PutOnDisk(0, 605, 3, 75, [1]));
        Assert.Throws<DamagedPageException>(() => _store.ReadPage(0, 605, _page));
        Assert.Equal(PageKind.OnDisk, _store.ReadPage(0, 604, _page));
    }

    [Fact]
    public void Checks_take_memory_only_where_there_are_references()
    {
        long with = _store.Statistics.TableBytes;
        Commit(() => _store.PutHard(0, 600, TestPages.Random(1)));
        Assert.Equal(with, _store.Statistics.TableBytes);

        Commit(() =>
        {
            for (int page = 601; page < 610; page++)
            {
                _store.PutHard(0, page, TestPages.Random(page));
            }
        });
        Assert.Equal(with - 4096, _store.Statistics.TableBytes);
    }

    public void Dispose() => _store.Dispose();

    private void Begin(Action put)
    {
        _store.BeginEpoch(++_epoch);
        put();
        _store.SetDeviceState([1]);
    }

    private void Commit(Action put)
    {
        Begin(put);
        _store.CommitEpoch();
    }

    /// <summary>Numbered blocks, some reads of which have a wrong bit.</summary>
    private sealed class FlakyBlocks(int wrong, int most) : IDiskBlocks
    {
        public int Reads { get; private set; }

        public bool TryRead(int disk, long block, int attempt, Span<byte> destination)
        {
            if (attempt > most)
            {
                return false;
            }
            Assert.Equal(Reads, attempt);
            NumberedBlocks.Bytes(block).CopyTo(destination);
            destination[4095] ^= Reads++ < wrong ? (byte)1 : (byte)0;
            return true;
        }
    }
}
