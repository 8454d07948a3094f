// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Linux;
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.Capture;

/// <summary>Knows which guest pages were written since it last looked, without QEMU's help.</summary>
/// <remarks>
/// Theory of operation. A userfaultfd made inside QEMU write-protects guest RAM asynchronously: the kernel lifts the protection at
/// the first write, by itself. PAGEMAP_SCAN then reports the pages that are no longer protected and protects them again, in one step
/// that cannot lose a write. QEMU keeps no descriptor: when this process ends, for whatever reason, the kernel ends the tracking, and
/// the next sidecar can attach.
/// </remarks>
internal sealed class DirtyTracker : IDisposable
{
    // One call fills at most this many regions; more take another call, which continues where the first ended.
    private const int RegionsPerCall = 4096;

    private static readonly TimeSpan AttachTimeout = TimeSpan.FromSeconds(5);

    private readonly Userfaultfd _userfaultfd;
    private readonly Pagemap _pagemap;
    private readonly PageRegion[] _regions = GC.AllocateUninitializedArray<PageRegion>(RegionsPerCall, pinned: true);
    private IReadOnlyList<RamBlock> _blocks = [];

    private DirtyTracker(Userfaultfd userfaultfd, Pagemap pagemap)
    {
        _userfaultfd = userfaultfd;
        _pagemap = pagemap;
    }

    /// <summary>Attaches to a running QEMU. One of its threads stands still for about 0.1 ms.</summary>
    public static DirtyTracker Attach(int pid)
    {
        var userfaultfd = new Userfaultfd(UserfaultInjector.Attach(pid, AttachTimeout));
        try
        {
            userfaultfd.EnableAsyncWriteProtect();
            return new DirtyTracker(userfaultfd, Pagemap.Open(pid));
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
        foreach (RamBlock block in blocks)
        {
            // Registering a range twice with the same userfaultfd is allowed and changes nothing.
            _userfaultfd.RegisterWriteProtect(block.HostAddress, (ulong)block.Info.UsedBytes);
        }
        _blocks = blocks;
    }

    /// <summary>Adds the pages written since the last scan to <paramref name="written"/>, and starts anew. Returns their number.</summary>
    public long Scan(List<PageRun> written)
    {
        long pages = 0;
        for (int i = 0; i < _blocks.Count; i++)
        {
            ulong start = _blocks[i].HostAddress;
            ulong at = start;
            ulong end = start + (ulong)_blocks[i].Info.UsedBytes;
            while (at < end)
            {
                int count = _pagemap.ScanWritten(at, end, _regions, rearm: true, out ulong walkEnd);
                foreach (ref readonly PageRegion region in _regions.AsSpan(0, count))
                {
                    uint first = (uint)((region.Start - start) / ReplicationLimits.PageBytes);
                    uint length = (uint)((region.End - region.Start) / ReplicationLimits.PageBytes);
                    written.Add(new PageRun(i, first, length));
                    pages += length;
                }
                if (walkEnd <= at)
                {
                    throw new InvalidOperationException($"PAGEMAP_SCAN made no progress at 0x{at:x}.");
                }
                at = walkEnd;
            }
        }
        return pages;
    }

    public void Dispose()
    {
        _pagemap.Dispose();
        _userfaultfd.Dispose();
    }
}
