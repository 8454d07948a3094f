// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Linux;
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.Capture;

/// <summary>Knows which guest pages were written since it last looked, without QEMU's help.</summary>
/// <remarks>
/// Theory of operation. A userfaultfd made inside QEMU write-protects guest RAM asynchronously: the kernel lifts the protection at
/// the first write, by itself. PAGEMAP_SCAN then reports the pages that are no longer protected and, if it is asked to, protects them again, in
/// one step that cannot lose a write. QEMU keeps no descriptor: when this process ends, for whatever reason, the kernel ends the tracking, and
/// the next sidecar can attach.
/// </remarks>
internal sealed class DirtyTracker : IDisposable
{
    // One call fills at most this many regions; more take another call, which continues where the first ended.
    private const int RegionsPerCall = 4096;

    // One page table's: protecting one of its pages costs as much as all of them.
    private const long TablePages = 512;
    private const long TableBytes = TablePages * ReplicationLimits.PageBytes;

    // The kernel walks over all entries of a page table, 3 ns each: of such a piece about a millisecond, which is worth waking another thread.
    private const long DefaultPieceBytes = 1L << 30;
    private const int MostThreads = 8;

    private static readonly TimeSpan AttachTimeout = TimeSpan.FromSeconds(5);

    [ThreadStatic]
    private static PageRegion[]? t_regions;

    private readonly Userfaultfd _userfaultfd;
    private readonly Pagemap _pagemap;
    private readonly List<Piece> _pieces = [];
    private readonly long _pieceBytes;
    private readonly int _mostThreads;
    private ScanThreads? _threads;
    private IReadOnlyList<RamBlock> _blocks = [];

    private DirtyTracker(Userfaultfd userfaultfd, Pagemap pagemap, long pieceBytes, int mostThreads)
    {
        _userfaultfd = userfaultfd;
        _pagemap = pagemap;
        _pieceBytes = pieceBytes;
        _mostThreads = mostThreads;
    }

    /// <summary>Attaches to a running QEMU. One of its threads stands still for about 0.1 ms.</summary>
    /// <param name="pid">QEMU.</param>
    public static DirtyTracker Attach(int pid) => Attach(pid, DefaultPieceBytes, Math.Min(Environment.ProcessorCount, MostThreads));

    /// <param name="pid">QEMU.</param>
    /// <param name="pieceBytes">What one thread scans at a time in a pause; whole pages.</param>
    /// <param name="mostThreads">How many do so.</param>
    internal static DirtyTracker Attach(int pid, long pieceBytes, int mostThreads)
    {
        var userfaultfd = new Userfaultfd(UserfaultInjector.Attach(pid, AttachTimeout));
        try
        {
            userfaultfd.EnableAsyncWriteProtect();
            return new DirtyTracker(userfaultfd, Pagemap.Open(pid), pieceBytes, mostThreads);
        }
        catch
        {
            userfaultfd.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Tracks exactly these blocks from now on. What was written before the first <see cref="Scan"/> that re-arms after this call is unknown: all
    /// pages of a block that was not tracked before count as written.
    /// </summary>
    public void Track(IReadOnlyList<RamBlock> blocks)
    {
        _pieces.Clear();
        for (int i = 0; i < blocks.Count; i++)
        {
            // Registering a range twice with the same userfaultfd is allowed and changes nothing.
            _userfaultfd.RegisterWriteProtect(blocks[i].HostAddress, (ulong)blocks[i].Info.UsedBytes);
            for (long from = 0; from < blocks[i].Info.UsedBytes; from += _pieceBytes)
            {
                _pieces.Add(new Piece(i, from, Math.Min(from + _pieceBytes, blocks[i].Info.UsedBytes)));
            }
        }
        _blocks = blocks;

        // What is smaller than a piece is not worth a thread.
        int threads = Math.Min(_mostThreads, _pieces.Count(piece => piece.EndOffset - piece.FromOffset == _pieceBytes));
        _threads?.Dispose();
        _threads = threads > 1 ? new ScanThreads(threads - 1) : null;
    }

    /// <summary>Adds the pages written since they were last protected to <paramref name="written"/>, in ascending order. Returns their number.</summary>
    /// <param name="written">What is found is added here.</param>
    /// <param name="rearm">
    /// What is found is protected again: the next scan finds what is written from now on. That takes several times as long, as the processors must be told, once for each 2 MiB
    /// with a page that was written.
    /// </param>
    public long Scan(List<PageRun> written, bool rearm)
    {
        long pages = 0;
        foreach (Piece piece in _pieces)
        {
            pages += Scan(piece.Block, piece.FromOffset, piece.EndOffset, written, rearm);
        }
        return pages;
    }

    /// <summary>The same, with several processors: for the time in which the guest needs none.</summary>
    public long ScanInPause(List<PageRun> written, bool rearm)
    {
        if (_threads is null)
        {
            return Scan(written, rearm);
        }
        long pages = 0;
        _threads.Do(_pieces.Count, index =>
        {
            Piece piece = _pieces[index];
            piece.Found.Clear();
            Interlocked.Add(ref pages, Scan(piece.Block, piece.FromOffset, piece.EndOffset, piece.Found, rearm));
        });
        foreach (Piece piece in _pieces)
        {
            written.AddRange(piece.Found);
        }
        return pages;
    }

    /// <summary>The same, of a part of one block.</summary>
    public long Scan(int block, long fromOffset, long endOffset, List<PageRun> written, bool rearm)
    {
        PageRegion[] regions = t_regions ??= GC.AllocateUninitializedArray<PageRegion>(RegionsPerCall, pinned: true);
        long pages = 0;
        ulong start = _blocks[block].HostAddress;
        ulong at = start + (ulong)fromOffset;
        ulong end = start + (ulong)endOffset;
        while (at < end)
        {
            int count = _pagemap.ScanWritten(at, end, regions, rearm, out ulong walkEnd);
            foreach (ref readonly PageRegion region in regions.AsSpan(0, count))
            {
                uint first = (uint)((region.Start - start) / ReplicationLimits.PageBytes);
                uint length = (uint)((region.End - region.Start) / ReplicationLimits.PageBytes);
                written.Add(new PageRun(block, first, length));
                pages += length;
            }
            if (walkEnd <= at)
            {
                throw new InvalidOperationException($"PAGEMAP_SCAN made no progress at 0x{at:x}.");
            }
            at = walkEnd;
        }
        return pages;
    }

    /// <summary>Protects what a scan left without protection, and adds it to <paramref name="rearmed"/> in ascending order, with what was written since close to it.</summary>
    /// <param name="written">What the scan found, in ascending order. A page that is protected already does no harm.</param>
    /// <param name="rearmed">Pages that are protected from now on, and were not until now.</param>
    public void Rearm(List<PageRun> written, List<PageRun> rearmed)
    {
        for (int i = 0; i < written.Count;)
        {
            int block = written[i].Block;
            long start = written[i].FirstPage / TablePages * TableBytes;
            long end = start + TableBytes;
            for (; i < written.Count && written[i].Block == block && written[i].FirstPage * (long)ReplicationLimits.PageBytes <= end; i++)
            {
                long last = (long)written[i].FirstPage + written[i].PageCount - 1;
                end = ((last / TablePages) + 1) * TableBytes;
            }
            Scan(block, start, Math.Min(end, _blocks[block].Info.UsedBytes), rearmed, rearm: true);
        }
    }

    public void Dispose()
    {
        _threads?.Dispose();
        _pagemap.Dispose();
        _userfaultfd.Dispose();
    }

    /// <summary>A part of a block that one thread scans, and what it found there.</summary>
    private sealed record Piece(int Block, long FromOffset, long EndOffset)
    {
        public List<PageRun> Found { get; } = [];
    }
}
