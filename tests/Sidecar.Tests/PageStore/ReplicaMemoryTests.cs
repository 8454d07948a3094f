// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.PageStore;
using Xunit;

namespace Hikae.Sidecar.Tests.PageStore;

/// <summary>The kernel counts the whole process, so no other test runs beside these.</summary>
[CollectionDefinition(nameof(ReplicaMemoryTests), DisableParallelization = true)]
public sealed class AloneInTheProcess;

/// <summary>What a replica takes of the host's memory, by the store's own count and by the kernel's.</summary>
[Collection(nameof(ReplicaMemoryTests))]
public sealed class ReplicaMemoryTests
{
    private const long Pages = 32 * 1024; // a guest of 128 MiB
    private static readonly RamBlockInfo Ram = new("pc.ram", Pages * 4096, 4096);

    [Fact]
    public void Dropping_every_page_gives_the_memory_back()
    {
        using ReplicaStore store = new();
        long before = AnonymousBytes();
        Epoch(store, 1, () =>
        {
            for (long page = 0; page < Pages; page++)
            {
                store.PutHard(0, page, TestPages.Random((int)page % 16));
            }
        });
        long full = AnonymousBytes();
        Epoch(store, 2, () => store.PutSoft(0, 0, Pages, SoftClass.Zero));
        long empty = AnonymousBytes();

        // The kernel counts the whole process: the garbage collector's own memory comes and goes meanwhile, by some MiB.
        const long Most = Pages * 4096 * 9 / 10;
        Assert.True(full - before >= Most, $"{full - before} bytes for {Pages} raw pages");
        Assert.True(full - empty >= Most, $"only {full - empty} bytes came back");
        Assert.Equal(0, store.Statistics.ArenaBytes);
        Assert.True(store.Statistics.TableBytes < 1 << 20, $"{store.Statistics.TableBytes} bytes of table for a zero guest");
    }

    [Fact]
    public void Churn_leaves_few_holes()
    {
        using ReplicaStore store = new();
        Random random = new(1);
        byte[][] frames = [.. Enumerable.Range(0, 256).Select(i => TestPages.Compress(TestPages.Text(i)))];
        int[] expected = new int[Pages];
        Epoch(store, 1, () =>
        {
            for (long page = 0; page < Pages; page++)
            {
                store.PutHard(0, page, frames[expected[page] = random.Next(frames.Length)]);
            }
        });

        // First rewrite pages at random, then drop nine of ten: the arena must shrink after them.
        for (ulong epoch = 2; epoch < 40; epoch++)
        {
            Epoch(store, epoch, () =>
            {
                for (int i = 0; i < 2000; i++)
                {
                    long page = random.NextInt64(Pages);
                    store.PutHard(0, page, frames[expected[page] = random.Next(frames.Length)]);
                }
            });
        }
        AssertFewHoles(store);
        for (ulong epoch = 40; epoch < 60; epoch++)
        {
            Epoch(store, epoch, () =>
            {
                for (long page = (long)epoch - 40; page < Pages; page += 20)
                {
                    if (page % 10 != 0)
                    {
                        store.PutSoft(0, page, 1, SoftClass.Free);
                    }
                }
            });
        }
        AssertFewHoles(store);

        // A guest that changes little is packed: slots are of 64 bytes, with 8 that name the page, and each of 65 sizes may have a host page that is partly used.
        for (ulong epoch = 60; epoch < 100; epoch++)
        {
            Epoch(store, epoch, () => store.PutHard(0, 0, frames[expected[0] = (int)epoch]));
        }
        long live = Enumerable.Range(0, (int)Pages).Where(page => page % 10 == 0).Sum(page => (frames[expected[page]].Length + 8 + 63L) / 64 * 64);
        Assert.InRange(store.Statistics.ArenaBytes, live, live + (live / 32) + (65 * 4096));

        // Compaction moved nearly all of them; each must still be itself.
        byte[] read = new byte[4096];
        for (long page = 0; page < Pages; page += 10)
        {
            Assert.Equal(PageKind.Hard, store.ReadPage(0, page, read));
            Assert.Equal(TestPages.Text(expected[page]), read);
        }
        Assert.Equal((Pages + 9) / 10, store.Statistics.HardPages);
    }

    [Fact]
    public void A_guest_of_zeros_costs_next_to_nothing()
    {
        using ReplicaStore store = new();
        store.SetBlocks([new RamBlockInfo("pc.ram", 1L << 40, 4096)]);
        store.BeginEpoch(1);
        store.PutSoft(0, 0, 1L << 28, SoftClass.Zero);
        store.PutHard(0, 1L << 27, TestPages.Random(1));
        store.SetDeviceState([1]);
        store.CommitEpoch();

        Assert.Equal((1L << 28) - 1, store.Statistics.ZeroPages);
        Assert.True(store.Statistics.ResidentBytes < 4 << 20, $"{store.Statistics} for 1 TiB of zeros");
    }

    [Fact]
    public void A_peer_that_repeats_itself_gains_no_memory()
    {
        using ReplicaStore store = new();
        byte[] page = TestPages.Random(1);
        Epoch(store, 1, () =>
        {
            for (int i = 0; i < 200_000; i++)
            {
                store.PutHard(0, i % 100, page);
            }
        });

        Assert.True(store.Statistics.ArenaBytes <= 2 * 100 * 4104 + 4096, $"{store.Statistics}");
    }

    private static void AssertFewHoles(ReplicaStore store)
    {
        ReplicaStatistics statistics = store.Statistics;
        Assert.True(statistics.ArenaBytes <= statistics.StoredBytes * 5 / 4, $"{statistics.ArenaBytes} bytes resident for {statistics.StoredBytes} stored");
    }

    private static void Epoch(ReplicaStore store, ulong epoch, Action content)
    {
        store.SetBlocks([Ram]);
        store.BeginEpoch(epoch);
        content();
        store.SetDeviceState([1]);
        store.CommitEpoch();
    }

    private static long AnonymousBytes()
    {
        // What earlier tests left on the heap goes now, not between two counts: 30 MiB of it did once.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        string line = File.ReadLines("/proc/self/smaps_rollup").First(text => text.StartsWith("Anonymous:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
    }
}
