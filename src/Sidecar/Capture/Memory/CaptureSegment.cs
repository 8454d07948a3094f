// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Linux;
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.Capture;

/// <summary>Up to 4 MiB of copied guest pages on their way to the backup. Whoever holds it disposes it, once; after the last one its memory serves the next copy.</summary>
internal sealed class CaptureSegment : IDisposable
{
    /// <summary>Pages one segment holds. 1024 is also the most ranges one process_vm_readv takes.</summary>
    internal const int MaxPages = 1024;

    private readonly SegmentPool _pool;
    private readonly AnonymousMemory _memory = new(MaxPages * (long)ReplicationLimits.PageBytes);
    private readonly MemoryRange[] _ranges = new MemoryRange[MaxPages];
    private int _holders;

    internal CaptureSegment(SegmentPool pool) => _pool = pool;

    /// <summary>Where the pages come from, in the order they lie in this segment.</summary>
    public List<PageRun> Runs { get; } = [];

    public int PageCount { get; private set; }

    public bool IsFull => PageCount == MaxPages;

    /// <summary>Page number <paramref name="index"/> of this segment.</summary>
    public ReadOnlySpan<byte> Page(int index) => _memory.Slice((long)index * ReplicationLimits.PageBytes, ReplicationLimits.PageBytes);

    /// <summary>Takes as much of <paramref name="run"/> as fits; returns the number of pages taken. Nothing is copied yet.</summary>
    public uint Add(PageRun run)
    {
        uint taken = Math.Min(run.PageCount, (uint)(MaxPages - PageCount));
        if (taken > 0)
        {
            Runs.Add(run with { PageCount = taken });
            PageCount += (int)taken;
        }
        return taken;
    }

    /// <summary>Copies the pages of all runs out of QEMU.</summary>
    public void Copy(int pid, IReadOnlyList<RamBlock> blocks)
    {
        int count = 0;
        foreach (PageRun run in Runs)
        {
            _ranges[count++] = new MemoryRange(
                blocks[run.Block].HostAddress + ((ulong)run.FirstPage * ReplicationLimits.PageBytes),
                (ulong)run.PageCount * ReplicationLimits.PageBytes);
        }
        ProcessMemory.Read(pid, _ranges.AsSpan(0, count), _memory.Slice(0, PageCount * ReplicationLimits.PageBytes));
    }

    /// <summary>One more holds it from now on, and disposes it. Called by one who does.</summary>
    public CaptureSegment Share()
    {
        Interlocked.Increment(ref _holders);
        return this;
    }

    public void Dispose()
    {
        if (Interlocked.Decrement(ref _holders) == 0)
        {
            _pool.Return(this);
        }
    }

    internal void MarkRented()
    {
        Runs.Clear();
        PageCount = 0;
        _holders = 1;
    }

    internal void Release() => _memory.Dispose();
}
