// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Epoch;

namespace Hikae.Sidecar.Capture;

/// <summary>The guest's memory as the epoch sees it: which pages changed, and their bytes.</summary>
/// <remarks>
/// Theory of operation. The first epoch copies everything while the guest runs, then what was written meanwhile, round by round until
/// little is left; the pause copies the rest. Every later epoch copies what was written since the last scan, in the pause, with one
/// running round before it when the epoch before was large. A pause that finds more than the free segments hold would last until the
/// link has drained them: the guest goes on, and another round copies what was found. A page copied twice in one epoch: the later
/// copy counts.
///
/// While the guest runs, pages that the backup has and that may be on a disk by now are looked at again, some in each epoch. Whether such a page was written meanwhile
/// need not be asked: if it was, the pause's scan finds it.
///
/// Invariant: a page reported written by a scan is copied after that scan, in the same epoch.
/// </remarks>
internal sealed class MemoryParticipant : IEpochParticipant
{
    // 16 MiB take about 4 ms to copy: from there on a running round pays for its extra scan.
    private const long RoundPages = 4096;

    // 16 MiB take the link's thread about 15 ms to look at, while the guest runs.
    private const int PagesAgain = 4096;

    // A guest that writes faster than the link drains would never converge.
    private const int MaxFirstRounds = 8;

    // A guest that dirties more than the pool holds, faster than the link drains it, is given this many more rounds; then it waits.
    private const int MaxDeferrals = 16;

    private static readonly TimeSpan FirstAnswerTimeout = TimeSpan.FromSeconds(3);

    // What is found free need not be copied. A scan of 64 GiB takes a guest's processor 1.6 s, and an emulated one ten times as long.
    private static readonly TimeSpan FirstRoundTimeout = TimeSpan.FromSeconds(20);

    private readonly int _pid;
    private readonly DirtyTracker _tracker;
    private readonly SegmentPool _pool;
    private readonly EpochQueue _queue;
    private readonly IFreePages _freePages;
    private readonly IPageReferences? _references;
    private readonly List<PageRun> _written = [];
    private readonly List<PageRun> _stale = [];
    private readonly List<PageRun> _again = [];
    private IReadOnlyList<RamBlock> _blocks = [];
    private bool _everythingCopied;
    private int _blocksCopied;
    private long _pagesThisEpoch;
    private int _deferrals;
    private long _firstLeft;
    private long _firstTotal;

    /// <param name="pid">QEMU.</param>
    /// <param name="tracker">Knows what was written.</param>
    /// <param name="pool">Where pages are copied to.</param>
    /// <param name="queue">To the link.</param>
    /// <param name="freePages">What the guest says.</param>
    /// <param name="references">Pages that the backup reads from the guest's disks; null: there are none.</param>
    public MemoryParticipant(int pid, DirtyTracker tracker, SegmentPool pool, EpochQueue queue, IFreePages freePages, IPageReferences? references = null)
    {
        _references = references;
        _pid = pid;
        _tracker = tracker;
        _pool = pool;
        _queue = queue;
        _freePages = freePages;
    }

    /// <summary>Pages written in the last sealed epoch.</summary>
    public long LastEpochPages { get; private set; }

    /// <summary>Pages still to be copied for the first time, and all of them; for a progress figure. Any thread.</summary>
    public (long Left, long Total) FirstCopy => (Volatile.Read(ref _firstLeft), Volatile.Read(ref _firstTotal));

    /// <summary>The guest's RAM blocks are these from the next epoch on. Those behind all of before are copied whole; if one of before is missing or another, all are.</summary>
    public void SetBlocks(IReadOnlyList<RamBlock> blocks)
    {
        _tracker.Track(blocks);
        RamBlockInfo[] infos = [.. blocks.Select(block => block.Info)];
        if (_everythingCopied && blocks.OnlyGrewFrom(_blocks))
        {
            _references?.GrowReferences(infos);
        }
        else
        {
            _everythingCopied = false;
            _blocksCopied = 0;
            _references?.CloseReferences(infos);
        }
        _blocks = blocks;
        _freePages.Reset(blocks);
    }

    public void Prepare(EpochId epoch, CancellationToken cancellationToken)
    {
        if (!_everythingCopied)
        {
            CopyEverything(cancellationToken);
            _everythingCopied = true;
            _blocksCopied = _blocks.Count;
        }
        else
        {
            if (_deferrals > 0)
            {
                // What the last try found and did not copy; written again, it will be found again.
                Copy(_written, cancellationToken);
            }
            if (_blocksCopied < _blocks.Count)
            {
                CopyPlugged(cancellationToken);
                _blocksCopied = _blocks.Count;
            }
            else if (_deferrals > 0 || LastEpochPages > RoundPages)
            {
                CopyWritten(cancellationToken);
            }
        }
        CopyAgain(cancellationToken);
        _pool.WaitForHalf(cancellationToken);
    }

    public bool TrySeal(EpochId epoch, PauseTimings pause, CancellationToken cancellationToken)
    {
        long written = Scan();
        pause.Mark("scan");
        if (written > _pool.FreePages && _deferrals < MaxDeferrals)
        {
            _deferrals++;
            return false;
        }
        _deferrals = 0;
        Copy(_written, cancellationToken);
        SendFree(cancellationToken);
        pause.Mark("copy");
        LastEpochPages = _pagesThisEpoch;
        _pagesThisEpoch = 0;
        return true;
    }

    public void Resumed(EpochId epoch) => _freePages.Ask();

    public void Commit(EpochId epoch)
    {
        // Memory holds nothing back.
    }

    public void Abort(EpochId epoch)
    {
        // The session ends, and the next one copies everything anew.
    }

    private void CopyEverything(CancellationToken cancellationToken)
    {
        long started = Stopwatch.GetTimestamp();
        Scan();
        _freePages.Ask();
        PageBitmap[] free = [.. _blocks.Select(block => new PageBitmap(block.Info.PageCount))];
        TimeSpan left = FirstRoundTimeout;
        bool isAnswered;
        do
        {
            isAnswered = _freePages.WaitForAnswer(left < FirstAnswerTimeout ? left : FirstAnswerTimeout, cancellationToken);
            Scan();
            // What was free in an earlier answer, and is not any more.
            _written.ForEach(run => free[run.Block].Reset(run.FirstPage, run.PageCount));
            SendFree(cancellationToken).ForEach(run => free[run.Block].Set(run.FirstPage, run.PageCount));
            left = FirstRoundTimeout - Stopwatch.GetElapsedTime(started);
        }
        while (isAnswered && left > TimeSpan.Zero && _freePages.TryAskMore());
        _firstTotal = free.Sum(pages => pages.PageCount - pages.Count());
        Volatile.Write(ref _firstLeft, _firstTotal);
        Copy(Without(free), cancellationToken);

        CopyRounds(cancellationToken);
        Volatile.Write(ref _firstLeft, 0);
        _pagesThisEpoch = 0;
    }

    /// <summary>Memory that was plugged in may be many times what a pause copies. Whatever was written of the rest is copied on the way.</summary>
    private void CopyPlugged(CancellationToken cancellationToken)
    {
        Scan();
        _written.RemoveAll(run => run.Block >= _blocksCopied);
        Copy(_written, cancellationToken);
        for (int block = _blocksCopied; block < _blocks.Count; block++)
        {
            Copy([new PageRun(block, 0, (uint)_blocks[block].Info.PageCount)], cancellationToken);
        }
        CopyRounds(cancellationToken);
        _pagesThisEpoch = 0;
    }

    private void CopyRounds(CancellationToken cancellationToken)
    {
        long written = long.MaxValue;
        for (int round = 0; round < MaxFirstRounds && written > RoundPages / 4; round++)
        {
            written = CopyWritten(cancellationToken);
        }
    }

    /// <summary>All pages but these. One run after the other: of a large guest there may be too many to be kept.</summary>
    private static IEnumerable<PageRun> Without(PageBitmap[] free)
    {
        for (int block = 0; block < free.Length; block++)
        {
            long next = 0;
            for (; free[block].TryNextRun(next, out long first, out long count); next = first + count)
            {
                if (first > next)
                {
                    yield return new PageRun(block, (uint)next, (uint)(first - next));
                }
            }
            if (free[block].PageCount > next)
            {
                yield return new PageRun(block, (uint)next, (uint)(free[block].PageCount - next));
            }
        }
    }

    private long CopyWritten(CancellationToken cancellationToken)
    {
        long pages = Scan();
        Copy(_written, cancellationToken);
        return pages;
    }

    private long Scan()
    {
        _written.Clear();
        long pages = _tracker.Scan(_written);
        foreach (PageRun run in _written)
        {
            _freePages.MarkWritten(run);
        }
        pages += AddStale();
        _pagesThisEpoch += pages;
        return pages;
    }

    /// <summary>Pages that the backup was to read from a block that has changed are as good as written: those not found by the scan join them.</summary>
    private long AddStale()
    {
        if (_references is null)
        {
            return 0;
        }
        _stale.Clear();
        _references.TakeStale(_stale);
        return PageRuns.AddMissing(_written, _stale);
    }

    private void CopyAgain(CancellationToken cancellationToken)
    {
        _again.Clear();
        _references?.TakeWanted(_again, PagesAgain);
        Copy(_again, static segment => new EpochPart.PagesAgain(segment), cancellationToken);
    }

    private List<PageRun> SendFree(CancellationToken cancellationToken)
    {
        var free = new List<PageRun>();
        if (_freePages.TryTake(free) && free.Count > 0)
        {
            _queue.Add(new EpochPart.Free(free), cancellationToken);
        }
        return free;
    }

    private void Copy(IEnumerable<PageRun> runs, CancellationToken cancellationToken) => Copy(runs, static segment => new EpochPart.Pages(segment), cancellationToken);

    private void Copy(IEnumerable<PageRun> runs, Func<CaptureSegment, EpochPart> part, CancellationToken cancellationToken)
    {
        CaptureSegment? segment = null;
        try
        {
            foreach (PageRun run in runs)
            {
                PageRun rest = run;
                while (rest.PageCount > 0)
                {
                    segment ??= _pool.Rent(cancellationToken);
                    uint taken = segment.Add(rest);
                    rest = new PageRun(rest.Block, rest.FirstPage + taken, rest.PageCount - taken);
                    if (segment.IsFull)
                    {
                        Send(ref segment, part, cancellationToken);
                    }
                }
            }
            if (segment is not null)
            {
                Send(ref segment, part, cancellationToken);
            }
        }
        finally
        {
            segment?.Dispose();
        }
    }

    private void Send(ref CaptureSegment? segment, Func<CaptureSegment, EpochPart> part, CancellationToken cancellationToken)
    {
        segment!.Copy(_pid, _blocks);
        _queue.Add(part(segment), cancellationToken);
        if (!_everythingCopied)
        {
            Volatile.Write(ref _firstLeft, Math.Max(0, _firstLeft - segment.PageCount));
        }
        segment = null;
    }
}
