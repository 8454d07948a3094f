// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.PageStore;
using Xunit;

namespace Hikae.Sidecar.Tests.PageStore;

/// <summary>Cold pages that are compressed together, and copies that share their bytes.</summary>
public sealed class ReplicaBatchTests : IDisposable
{
    private const int Pages = 4096; // eight chunks

    private static readonly byte[][] Texts = [.. Enumerable.Range(0, 4 * 512).Select(Words)];
    private static readonly byte[][] Frames = [.. Texts.Select(TestPages.Compress)];

    private readonly ReplicaStore _store = new();
    private readonly byte[] _page = new byte[4096];
    private ulong _epoch;

    [Fact]
    public void Cold_neighbours_are_compressed_together()
    {
        Commit(() => PutTexts(0, Frames.Length));
        long alone = _store.Statistics.ArenaBytes;
        long bytesAlone = _store.Statistics.StoredBytes;

        Idle(60);

        Assert.InRange(_store.Statistics.StoredBytes, bytesAlone / 2, bytesAlone * 9 / 10);
        Assert.InRange(_store.Statistics.ArenaBytes, alone / 2, alone * 9 / 10);
        AssertTexts(Enumerable.Range(0, Frames.Length));
        Assert.Equal(Frames.Length, _store.Statistics.HardPages);
    }

    [Fact]
    public void Pages_with_the_same_bytes_share_one_copy()
    {
        byte[] raw = TestPages.Random(1);
        Commit(() =>
        {
            for (int page = 0; page < 1024; page++)
            {
                _store.PutHard(0, page * 3, page % 2 == 0 ? raw : Frames[7]);
            }
        });

        Idle(40);

        // At most 32 pages share a copy. The raw ones are 512 of 4 KiB.
        Assert.InRange(_store.Statistics.StoredBytes, 512 / 32 * 4096L, (512 / 32 * (4096L + Frames[7].Length)) + 8192);
        Assert.InRange(_store.Statistics.ArenaBytes, 1, 512 * 4104 / 16);
        for (int page = 0; page < 1024; page++)
        {
            _store.ReadPage(0, page * 3, _page);
            Assert.Equal(page % 2 == 0 ? raw : Texts[7], _page);
        }
        Assert.Equal(1024, _store.Statistics.HardPages);
    }

    [Fact]
    public void A_page_that_changes_leaves_the_others_with_what_they_share()
    {
        Commit(() =>
        {
            for (int page = 0; page < 20; page++)
            {
                _store.PutHard(0, page, Frames[3]);
            }
        });
        Idle(10);

        Commit(() => _store.PutHard(0, 4, Frames[5]));
        Commit(() => _store.PutSoft(0, 0, 4, SoftClass.Zero));

        for (int page = 4; page < 20; page++)
        {
            _store.ReadPage(0, page, _page);
            Assert.Equal(Texts[page == 4 ? 5 : 3], _page);
        }
        Commit(() => _store.PutSoft(0, 0, 20, SoftClass.Free));
        Assert.Equal(0, _store.Statistics.ArenaBytes);
        Assert.Equal(0, _store.Statistics.StoredBytes);
    }

    [Fact]
    public void A_batch_whose_pages_have_copies_elsewhere_is_put_together_anew()
    {
        Commit(() =>
        {
            PutTexts(0, 512);
            // In a chunk that is visited later: by then the first ones are in batches.
            for (int page = 0; page < 512; page++)
            {
                if (page % 8 != 0)
                {
                    _store.PutHard(0, 1024 + page, Frames[page]);
                }
            }
        });

        Idle(20);

        Assert.InRange(_store.Statistics.StoredBytes, 1, Frames[..512].Sum(frame => (long)frame.Length) * 102 / 100);
        AssertTexts(Enumerable.Range(0, 512));
    }

    [Fact]
    public void A_batch_whose_pages_have_copies_in_its_own_chunk_is_put_together_anew()
    {
        Commit(() =>
        {
            PutTexts(0, 256);
            for (int page = 0; page < 256; page++)
            {
                if (page % 8 != 0)
                {
                    _store.PutHard(0, 256 + page, Frames[page]);
                }
            }
        });

        Idle(20);

        Assert.InRange(_store.Statistics.StoredBytes, 1, Frames[..256].Sum(frame => (long)frame.Length) * 102 / 100);
        AssertTexts(Enumerable.Range(0, 256));
    }

    [Fact]
    public void Raw_pages_whose_copies_were_written_share_with_others()
    {
        byte[] raw = TestPages.Random(1);
        Commit(() =>
        {
            for (int page = 0; page < 2000; page++)
            {
                _store.PutHard(0, page, raw);
            }
        });
        Idle(20);
        Commit(() =>
        {
            for (int page = 0; page < 2000; page++)
            {
                if (page % 32 != 0)
                {
                    _store.PutSoft(0, page, 1, SoftClass.Zero);
                }
            }
        });
        Idle(320);

        // 63 pages, at most 32 to a slot.
        Assert.Equal(2 * 4096, _store.Statistics.StoredBytes);
        for (int page = 0; page < 2000; page += 32)
        {
            _store.ReadPage(0, page, _page);
            Assert.Equal(raw, _page);
        }
    }

    [Fact]
    public void Batches_of_which_most_is_gone_are_dissolved()
    {
        Commit(() => PutTexts(0, Frames.Length));
        Idle(60);
        for (int first = 0; first < 7; first++)
        {
            Commit(() =>
            {
                for (int page = first; page < Frames.Length; page += 8)
                {
                    _store.PutSoft(0, page, 1, SoftClass.Zero);
                }
            });
        }
        int[] left = [.. Enumerable.Range(0, Frames.Length).Where(page => page % 8 == 7)];

        // Such chunks are hot: batches in them are dissolved all the same, by the next sweep.
        Idle(320);

        long alone = left.Sum(page => (long)Frames[page].Length);
        Assert.InRange(_store.Statistics.StoredBytes, alone / 2, alone * 5 / 4);
        AssertTexts(left);
        Assert.Equal(left.Length, _store.Statistics.HardPages);
    }

    [Fact]
    public void Work_ends_when_all_is_put_together()
    {
        Commit(() => PutTexts(0, Frames.Length));
        Idle(60);
        ReplicaStatistics settled = _store.Statistics;

        Idle(20);

        Assert.Equal(settled, _store.Statistics);
    }

    [Fact]
    public void A_page_that_is_damaged_stays_as_it_is()
    {
        byte[] damaged = [.. Frames[10]];
        damaged.AsSpan(damaged.Length / 2).Fill(0x5a);
        Commit(() =>
        {
            PutTexts(0, 64);
            _store.PutHard(0, 10, damaged);
        });

        Idle(20);

        Assert.Throws<DamagedPageException>(() => _store.ReadPage(0, 10, _page));
        AssertTexts(Enumerable.Range(0, 64).Where(page => page != 10));
    }

    [Fact]
    public void A_delta_is_applied_to_a_page_of_a_batch()
    {
        Commit(() => PutTexts(0, 64));
        Idle(20);
        byte[] changed = [.. Texts[20]];
        changed[4000] ^= 1;
        byte[] delta = new byte[2 * 4096];
        Assert.True(PageDelta.TryEncode(Texts[20], changed, delta, out int length));

        Commit(() => _store.PutDelta(0, 20, PageCheck.Of(changed), delta.AsSpan(0, length)));

        _store.ReadPage(0, 20, _page);
        Assert.Equal(changed, _page);
        AssertTexts(Enumerable.Range(0, 64).Where(page => page != 20));
    }

    [Fact]
    public void A_guest_that_writes_here_and_there_has_the_pages_it_wrote()
    {
        Random random = new(3);
        Dictionary<(string, long), int> model = [];
        RamBlockInfo[] blocks = Blocks(Pages);
        Commit(() =>
        {
            for (int page = 0; page < Pages; page++)
            {
                Put(0, page, random.Next(3) == 0 ? 1 : random.Next(Texts.Length));
            }
        }, blocks);

        for (int round = 1; round <= 2400; round++)
        {
            bool torn = random.Next(10) == 0;
            if (round % 300 == 0)
            {
                // A block that shrinks, one that comes, one that goes.
                blocks = round / 300 % 2 == 1 ? [new RamBlockInfo("dimm0", 600 * 4096L, 4096), .. Blocks(Pages - 700)] : Blocks(Pages);
                torn = false;
            }
            Dictionary<(string, long), int> before = torn ? new(model) : [];
            Begin(blocks);
            model = model.Where(page => blocks.Any(block => block.Name == page.Key.Item1 && page.Key.Item2 < block.PageCount)).ToDictionary();
            for (int write = random.Next(12); write > 0; write--)
            {
                int block = random.Next(blocks.Length);
                long page = random.NextInt64(blocks[block].PageCount);
                switch (random.Next(4))
                {
                    case 0:
                        long count = Math.Min(random.Next(1, 40), blocks[block].PageCount - page);
                        _store.PutSoft(block, page, count, SoftClass.Zero);
                        for (long zero = page; zero < page + count; zero++)
                        {
                            model.Remove((blocks[block].Name, zero));
                        }
                        break;
                    case 1 when model.TryGetValue((blocks[block].Name, page), out int was):
                        PutDelta(block, page, was, random.Next(Texts.Length));
                        break;
                    default:
                        Put(block, page, random.Next(3) == 0 ? 1 : random.Next(Texts.Length));
                        break;
                }
            }
            if (torn)
            {
                _store.DiscardEpoch();
                model = before;
            }
            else
            {
                _store.CommitEpoch();
            }
            if (round % 100 == 0)
            {
                AssertModel();
            }
        }

        void Put(int block, long page, int text)
        {
            _store.PutHard(block, page, Frames[text]);
            model[(blocks[block].Name, page)] = text;
        }

        void PutDelta(int block, long page, int was, int text)
        {
            byte[] delta = new byte[2 * 4096];
            if (PageDelta.TryEncode(Texts[was], Texts[text], delta, out int length))
            {
                _store.PutDelta(block, page, PageCheck.Of(Texts[text]), delta.AsSpan(0, length));
                model[(blocks[block].Name, page)] = text;
            }
        }

        void AssertModel()
        {
            Assert.Equal(model.Count, _store.Statistics.HardPages);
            for (int block = 0; block < _store.Blocks.Count; block++)
            {
                for (long page = 0; page < _store.Blocks[block].PageCount; page++)
                {
                    bool isHard = model.TryGetValue((_store.Blocks[block].Name, page), out int text);
                    Assert.Equal(isHard ? PageKind.Hard : PageKind.Zero, _store.ReadPage(block, page, _page));
                    Assert.True(_page.AsSpan().SequenceEqual(isHard ? Texts[text] : new byte[4096]), $"epoch {_epoch}: page {page} of block {block}");
                }
            }
        }
    }

    public void Dispose() => _store.Dispose();

    // Pages that have much in common, as those of one program: words of one language, in another order on each.
    private static byte[] Words(int seed)
    {
        Random language = new(1);
        string[] words = [.. Enumerable.Range(0, 200).Select(_ => string.Concat(Enumerable.Range(0, language.Next(3, 12)).Select(_ => (char)language.Next('a', 'z' + 1))))];
        Random random = new(seed);
        StringBuilder text = new();
        while (text.Length < 4096)
        {
            text.Append(words[random.Next(words.Length)]).Append(' ');
        }
        return Encoding.ASCII.GetBytes(text.ToString(0, 4096));
    }

    private static RamBlockInfo[] Blocks(long pages) => [new RamBlockInfo("pc.ram", pages * 4096, 4096)];

    private void PutTexts(int first, int count)
    {
        for (int page = first; page < first + count; page++)
        {
            _store.PutHard(0, page, Frames[page]);
        }
    }

    private void AssertTexts(IEnumerable<int> pages)
    {
        foreach (int page in pages)
        {
            _store.ReadPage(0, page, _page);
            Assert.True(_page.AsSpan().SequenceEqual(Texts[page]), $"page {page}");
        }
    }

    // Epochs in which the guest writes nothing.
    private void Idle(int epochs)
    {
        for (int i = 0; i < epochs; i++)
        {
            Commit(() => { });
        }
    }

    private void Commit(Action content, RamBlockInfo[]? blocks = null)
    {
        Begin(blocks ?? Blocks(Pages));
        content();
        _store.CommitEpoch();
    }

    private void Begin(RamBlockInfo[] blocks)
    {
        _store.SetBlocks(blocks);
        _store.BeginEpoch(++_epoch);
        _store.SetDeviceState([1]);
    }
}
