// SPDX-License-Identifier: LGPL-2.1-or-later
using CsCheck;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.PageStore;
using Xunit;

namespace Hikae.Sidecar.Tests.PageStore;

/// <summary>Random histories of puts, commits, torn epochs and hot plug, against a dictionary that does the same.</summary>
public sealed class ReplicaStoreModelTests
{
    private const int Histories = 120;
    private const int PagesInRam = 1500; // three chunks, the last one cut
    private static readonly RamBlockInfo[] BothBlocks =
        [new("pc.ram", PagesInRam * 4096L, 4096), new("dimm0", 600 * 4096L, 4096)];

    [Fact]
    public void Any_history_leaves_what_a_dictionary_would()
    {
        // The same histories in every run: CsCheck's own Sample fixes only the first of them.
        PCG random = new(17, 0x48494B4145);
        for (int i = 0; i < Histories; i++)
        {
            Assert.True(Replay(History.Generate(random, null, out _)), $"history {i}");
        }
    }

    // Values of pages on disk: this and the block.
    private const int OnDisk = 1 << 24;

    // A step's kind, in percent: below 35 hard pages, 55 deltas, 70 a soft run, 85 a run on disk, 93 commit, 97 tear, the rest commits and changes the block list.
    private static readonly Gen<(int Kind, int Page, int Count, int Value)[]> History =
        Gen.Select(Gen.Int[0, 99], Gen.Int[0, PagesInRam - 1], Gen.Int[1, PagesInRam], Gen.Int[0, 1 << 20])
            .Select((kind, page, count, value) => (kind, page, count, value)).Array[0, 400];

    private static bool Replay((int Kind, int Page, int Count, int Value)[] history)
    {
        using ReplicaStore store = new();
        Dictionary<(string, long), int> committed = [];
        Dictionary<(string, long), int> staged = [];
        RamBlockInfo[] committedBlocks = [];
        RamBlockInfo[] blocks = [BothBlocks[0]];
        ulong epoch = 0;
        Open();
        foreach ((int kind, int page, int count, int value) in history)
        {
            int block = value % blocks.Length;
            long pages = blocks[block].PageCount;
            long first = page % pages;
            switch (kind)
            {
                case < 35:
                    // Runs of neighbours, so that histories are long in pages but short in steps.
                    for (long p = first; p < Math.Min(pages, first + (count % 40)); p++)
                    {
                        store.PutHard(block, p, Stored(value + (int)p));
                        staged[(blocks[block].Name, p)] = value + (int)p;
                    }
                    break;
                case < 55:
                    for (long p = first; p < Math.Min(pages, first + (count % 40)); p++)
                    {
                        PutDelta(block, p, value + (int)p);
                    }
                    break;
                case < 70:
                    SoftClass softClass = value % 2 == 0 ? SoftClass.Zero : SoftClass.Free;
                    long run = Math.Min(count, pages - first);
                    store.PutSoft(block, first, run, softClass);
                    for (long p = first; p < first + run; p++)
                    {
                        staged[(blocks[block].Name, p)] = softClass == SoftClass.Zero ? -1 : -2;
                    }
                    break;
                case < 85:
                    long onDisk = Math.Min(count % 600, pages - first);
                    if (onDisk > 0)
                    {
                        store.PutOnDisk(block, first, value % 64, value, NumberedBlocks.Checks(value, onDisk));
                    }
                    for (long p = first; p < first + onDisk; p++)
                    {
                        staged[(blocks[block].Name, p)] = OnDisk + value + (int)(p - first);
                    }
                    break;
                case < 93:
                    store.CommitEpoch();
                    committed = staged;
                    committedBlocks = blocks;
                    Open();
                    break;
                case < 97:
                    store.DiscardEpoch();
                    blocks = committedBlocks.Length == 0 ? blocks : committedBlocks;
                    Open();
                    break;
                default:
                    store.CommitEpoch();
                    committed = staged;
                    committedBlocks = blocks;
                    blocks = (value % 3) switch
                    {
                        0 => [BothBlocks[0]],
                        1 => BothBlocks,
                        _ => [BothBlocks[1] with { UsedBytes = (value % 700 + 1) * 4096L }, BothBlocks[0]],
                    };
                    Open();
                    break;
            }
        }
        store.DiscardEpoch();
        return Same(store, committed);

        void PutDelta(int block, long page, int value)
        {
            int before = staged.GetValueOrDefault((blocks[block].Name, page), -1);
            if (before is >= 0 and < OnDisk)
            {
                store.PutDelta(block, page, PageCheck.Of(Plain(value)), DeltaBetween(Plain(before), Plain(value)));
                staged[(blocks[block].Name, page)] = value;
            }
            else
            {
                Assert.Throws<ReplicationProtocolException>(() => store.PutDelta(block, page, PageCheck.Of(Plain(value)), DeltaBetween(new byte[4096], Plain(value))));
            }
        }

        void Open()
        {
            store.SetBlocks(blocks);
            store.BeginEpoch(++epoch);
            store.SetDeviceState([1]);
            staged = committed.Where(page => blocks.Any(b => b.Name == page.Key.Item1 && page.Key.Item2 < b.PageCount)).ToDictionary();
        }
    }

    private static bool Same(ReplicaStore store, Dictionary<(string, long), int> model)
    {
        byte[] page = new byte[4096];
        long hard = 0, free = 0, onDisk = 0;
        store.Disks = new NumberedBlocks();
        for (int block = 0; block < store.Blocks.Count; block++)
        {
            for (long p = 0; p < store.Blocks[block].PageCount; p++)
            {
                int expected = model.GetValueOrDefault((store.Blocks[block].Name, p), -1);
                PageKind kind = store.ReadPage(block, p, page);
                onDisk += expected >= OnDisk ? 1 : 0;
                hard += expected is >= 0 and < OnDisk ? 1 : 0;
                free += expected == -2 ? 1 : 0;
                if (kind != (expected switch { -1 => PageKind.Zero, -2 => PageKind.Free, < OnDisk => PageKind.Hard, _ => PageKind.OnDisk })
                    || !page.AsSpan().SequenceEqual(expected < 0 ? new byte[4096] : expected >= OnDisk ? NumberedBlocks.Bytes(expected - OnDisk) : Plain(expected)))
                {
                    return false;
                }
            }
        }
        long visited = 0;
        store.VisitReferences((_, _) => visited++);
        return store.Statistics.HardPages == hard && store.Statistics.FreePages == free && store.Statistics.DiskPages == onDisk && visited == onDisk;
    }

    private static readonly byte[][] PlainPages = [.. Enumerable.Range(0, 32).Select(i => i % 4 == 0 ? TestPages.Random(i) : TestPages.Text(i))];
    private static readonly byte[][] StoredPages = [.. PlainPages.Select((page, i) => i % 4 == 0 ? page : TestPages.Compress(page))];

    private static byte[] DeltaBetween(byte[] before, byte[] after)
    {
        byte[] delta = new byte[2 * 4096];
        Assert.True(PageDelta.TryEncode(before, after, delta, out int length));
        return delta[..length];
    }

    private static byte[] Plain(int value) => PlainPages[value % PlainPages.Length];

    private static byte[] Stored(int value) => StoredPages[value % StoredPages.Length];
}
