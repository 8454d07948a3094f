// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers;
using System.Runtime.ExceptionServices;
using Hikae.Native.Linux;
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.Capture;

/// <summary>Knows which guest pages were written since it last looked, without QEMU's help.</summary>
/// <remarks>
/// Theory of operation. A userfaultfd made inside QEMU write-protects guest RAM asynchronously: the kernel lifts the protection at
/// the first write, by itself. PAGEMAP_SCAN then reports the pages that are no longer protected and protects them again, in one step
/// that cannot lose a write. QEMU keeps no descriptor: when this process ends, for whatever reason, the kernel ends the tracking, and
/// the next sidecar can attach.
///
/// A scan takes time with all of a guest's memory, not with what was written, and the guest stands still meanwhile: of more than a gigabyte several threads look at parts.
/// </remarks>
internal sealed class DirtyTracker : IDisposable
{
    /// <summary>Pages that one thread looks at in one go: 512 MiB, 0.6 ms.</summary>
    internal const long DefaultShardPages = 128 * 1024;

    // One call fills at most this many regions; more take another call, which continues where the first ended.
    private const int RegionsPerCall = 4096;

    // From so many shards on other threads help. One that comes late finds nothing left: the caller takes shard after shard, too.
    private const int MinShards = 3;
    private const int MaxThreads = 8;

    // A list that one scan made longer is not kept.
    private const int KeptRuns = 16 * 1024;

    private static readonly TimeSpan AttachTimeout = TimeSpan.FromSeconds(5);
    private static readonly ParallelOptions s_threads = new() { MaxDegreeOfParallelism = Math.Min(MaxThreads, Environment.ProcessorCount) };

    private readonly Userfaultfd _userfaultfd;
    private readonly Pagemap _pagemap;
    private readonly long _shardPages;
    private Shard[] _shards = [];

    private DirtyTracker(Userfaultfd userfaultfd, Pagemap pagemap, long shardPages)
    {
        _userfaultfd = userfaultfd;
        _pagemap = pagemap;
        _shardPages = shardPages;
    }

    /// <summary>Attaches to a running QEMU. One of its threads stands still for about 0.1 ms.</summary>
    public static DirtyTracker Attach(int pid, long shardPages = DefaultShardPages)
    {
        var userfaultfd = new Userfaultfd(UserfaultInjector.Attach(pid, AttachTimeout));
        try
        {
            userfaultfd.EnableAsyncWriteProtect();
            return new DirtyTracker(userfaultfd, Pagemap.Open(pid), shardPages);
        }
        catch
        {
            userfaultfd.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Tracks exactly these blocks from now on. What was written before the first <see cref="Scan"/> after this call is unknown: all
    /// pages of a block that was not tracked before count as written.
    /// </summary>
    public void Track(IReadOnlyList<RamBlock> blocks)
    {
        var shards = new List<Shard>();
        for (int i = 0; i < blocks.Count; i++)
        {
            // Registering a range twice with the same userfaultfd is allowed and changes nothing.
            _userfaultfd.RegisterWriteProtect(blocks[i].HostAddress, (ulong)blocks[i].Info.UsedBytes);
            for (long first = 0; first < blocks[i].Info.PageCount; first += _shardPages)
            {
                shards.Add(new Shard(i, blocks[i].HostAddress, first, Math.Min(blocks[i].Info.PageCount, first + _shardPages)));
            }
        }
        _shards = [.. shards];
    }

    /// <summary>Adds the pages written since the last scan to <paramref name="written"/>, in ascending order, and starts anew. Returns their number.</summary>
    public long Scan(List<PageRun> written)
    {
        if (_shards.Length < MinShards)
        {
            Array.ForEach(_shards, Scan);
        }
        else
        {
            try
            {
                Parallel.ForEach(_shards, s_threads, Scan);
            }
            catch (AggregateException errors)
            {
                ExceptionDispatchInfo.Throw(errors.InnerExceptions[0]);
            }
        }
        long pages = 0;
        foreach (Shard shard in _shards)
        {
            pages += shard.TakeWritten(written);
        }
        return pages;
    }

    public void Dispose()
    {
        _pagemap.Dispose();
        _userfaultfd.Dispose();
    }

    private void Scan(Shard shard)
    {
        PageRegion[] regions = ArrayPool<PageRegion>.Shared.Rent(RegionsPerCall);
        try
        {
            ulong at = shard.Start;
            while (at < shard.End)
            {
                int count = _pagemap.ScanWritten(at, shard.End, regions, rearm: true, out ulong walkEnd);
                shard.Add(regions.AsSpan(0, count));
                if (walkEnd <= at)
                {
                    throw new InvalidOperationException($"PAGEMAP_SCAN made no progress at 0x{at:x}.");
                }
                at = walkEnd;
            }
        }
        finally
        {
            ArrayPool<PageRegion>.Shared.Return(regions);
        }
    }

    /// <summary>A part of a block, and what a scan found in it. One thread at a time.</summary>
    private sealed class Shard(int block, ulong blockStart, long firstPage, long endPage)
    {
        private List<PageRun> _written = [];

        public ulong Start { get; } = blockStart + (ulong)(firstPage * ReplicationLimits.PageBytes);

        public ulong End { get; } = blockStart + (ulong)(endPage * ReplicationLimits.PageBytes);

        public void Add(ReadOnlySpan<PageRegion> regions)
        {
            foreach (ref readonly PageRegion region in regions)
            {
                uint first = (uint)((region.Start - blockStart) / ReplicationLimits.PageBytes);
                _written.Add(new PageRun(block, first, (uint)((region.End - region.Start) / ReplicationLimits.PageBytes)));
            }
        }

        public long TakeWritten(List<PageRun> all)
        {
            long pages = 0;
            foreach (PageRun run in _written)
            {
                pages += run.PageCount;
            }
            all.AddRange(_written);
            _written.Clear();
            if (_written.Capacity > KeptRuns)
            {
                _written = [];
            }
            return pages;
        }
    }
}
