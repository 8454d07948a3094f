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
/// The pause's scan does not protect what it finds: that takes most of a scan's time, as all processors must forget what they know of those pages. It is done when the guest
/// runs again and the epoch is on its way. What was written in between is found by its bytes: the pages are copied once more, and those that differ are owed to the next epoch.
///
/// A device that fills a page for a read under way (O_DIRECT) does it behind the page tables: the page lost its protection when the read began, and one that was protected
/// since changes and no scan finds it. So where QEMU reads a disk that way, pages are protected only while the guest stands still, when no read is under way.
///
/// While the guest runs, pages that the backup has and that may be on a disk by now are looked at again, some in each epoch. Whether such a page was written meanwhile
/// need not be asked: if it was, the pause's scan finds it.
///
/// Invariant: a page reported written by a scan is copied after that scan, in the same epoch, or is known to have the bytes that an earlier epoch has.
/// </remarks>
internal sealed partial class MemoryParticipant : IEpochParticipant
{
    // 16 MiB take about 4 ms to copy: from there on a running round pays for its extra scan.
    private const long RoundPages = 4096;

    // 16 MiB take the link's thread about 15 ms to look at, while the guest runs.
    private const int PagesAgain = 4096;

    // A guest that dirties more than the pool holds, faster than the link drains it, is given this many more rounds; then it waits.
    private const int MaxDeferrals = 16;

    private readonly int _pid;
    private readonly DirtyTracker _tracker;
    private readonly IStandstill _standstill;
    private readonly SegmentPool _pool;
    private readonly EpochQueue _queue;
    private readonly IFreePages _freePages;
    private readonly IPageReferences? _references;
    private readonly SealedPages _sealed;
    private readonly Func<CaptureSegment, EpochPart> _sealedPart;
    private bool _armsLater;
    private readonly List<PageRun> _rearmed = [];
    private readonly List<PageRun> _written = [];

    // What must be copied whether a scan finds it or not; in ascending order.
    private readonly List<PageRun> _owed = [];
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
    /// <param name="standstill">For reads that no scan sees.</param>
    /// <param name="pool">Where pages are copied to.</param>
    /// <param name="queue">To the link.</param>
    /// <param name="freePages">What the guest says.</param>
    /// <param name="references">Pages that the backup reads from the guest's disks; null: there are none.</param>
    public MemoryParticipant(
        int pid, DirtyTracker tracker, IStandstill standstill, SegmentPool pool, EpochQueue queue, IFreePages freePages, IPageReferences? references = null)
    {
        _standstill = standstill;
        _references = references;
        _pid = pid;
        _tracker = tracker;
        _pool = pool;
        _queue = queue;
        _freePages = freePages;
        _sealed = new SealedPages(pid, pool);
        _sealedPart = segment =>
        {
            _sealed.Add(segment);
            return new EpochPart.Pages(segment);
        };
    }

    /// <summary>QEMU reads a disk into the guest's memory without the kernel's help. Set before that disk is there, or before the first epoch. Checkpoint thread.</summary>
    public bool AreReadsDirect { get; set; }

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
            _owed.Clear();
            _references?.CloseReferences(infos);
        }
        _blocks = blocks;
        _freePages.Reset(blocks);
    }

    public void Prepare(EpochId epoch, CancellationToken cancellationToken)
    {
        // Of a pause that came to nothing.
        _sealed.Clear();
        if (!_everythingCopied)
        {
            CopyEverything(cancellationToken);
            _everythingCopied = true;
            _blocksCopied = _blocks.Count;
        }
        else
        {
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
        _sealed.Clear();
        long written = Scan(rearm: AreReadsDirect, inPause: true);
        pause.Mark("scan");
        bool fits = written <= _pool.FreePages;
        if (!fits && _deferrals < MaxDeferrals)
        {
            Owe();
            _deferrals++;
            return false;
        }
        _deferrals = 0;
        _armsLater = fits && !AreReadsDirect;
        if (_armsLater)
        {
            Copy(_written, _sealedPart, cancellationToken);
        }
        else
        {
            if (!AreReadsDirect)
            {
                // More segments than there are cannot be kept to be compared with.
                _rearmed.Clear();
                _tracker.Rearm(_written, _rearmed);
            }
            Copy(_written, cancellationToken);
        }
        _owed.Clear();
        SendFree(cancellationToken);
        pause.Mark("copy");
        LastEpochPages = _pagesThisEpoch;
        _pagesThisEpoch = 0;
        return true;
    }

    public void Resumed(EpochId epoch)
    {
        // The epoch's end need not wait for anything of memory.
    }

    public void Ended(EpochId epoch)
    {
        if (_armsLater)
        {
            _rearmed.Clear();
            _tracker.Rearm(_written, _rearmed);
            MarkWritten(_rearmed);
            _sealed.AddChanged(_blocks, _rearmed, _owed);
            _owed.Sort(PageRuns.Order);
        }
        _sealed.Clear();
        _freePages.Ask();
    }

    public void Commit(EpochId epoch)
    {
        // Memory holds nothing back.
    }

    public void Abort(EpochId epoch)
    {
        // The session ends, and the next one copies everything anew.
    }

    private long CopyWritten(CancellationToken cancellationToken)
    {
        long pages = ScanRunning(cancellationToken);
        CopyFound(cancellationToken);
        return pages;
    }

    private void CopyFound(CancellationToken cancellationToken)
    {
        Copy(_written, cancellationToken);
        _owed.Clear();
    }

    private long ScanRunning(CancellationToken cancellationToken)
    {
        long pages = 0;
        WithoutReads(() => pages = Scan(rearm: true), cancellationToken);
        return pages;
    }

    /// <summary>The guest stands still meanwhile if reads that were under way could be missed.</summary>
    private void WithoutReads(Action protect, CancellationToken cancellationToken)
    {
        if (!AreReadsDirect)
        {
            protect();
        }
        else if (!StandsStill(protect, cancellationToken))
        {
            // Somebody else has paused it, and may let it go on in the middle of this: a read that begins then ends before the second.
            protect();
            StandsStill(static () => { }, cancellationToken);
        }
    }

    private bool StandsStill(Action meanwhile, CancellationToken cancellationToken) => _standstill.TrySeal(
        new PauseTimings(default),
        leavePaused: false,
        () =>
        {
            meanwhile();
            return true;
        },
        cancellationToken) is not null;

    /// <summary>What a scan found is protected, and not copied yet.</summary>
    private void Owe()
    {
        if (AreReadsDirect)
        {
            PageRuns.Merge(_owed, _written);
        }
    }

    /// <summary>What was written, and what is owed.</summary>
    private long Scan(bool rearm, bool inPause = false)
    {
        _written.Clear();
        long pages = inPause ? _tracker.ScanInPause(_written, rearm) : _tracker.Scan(_written, rearm);
        if (_references is not null)
        {
            // Pages that the backup was to read from a block that has changed are as good as written.
            _stale.Clear();
            _references.TakeStale(_stale);
            PageRuns.Merge(_owed, _stale);
        }
        pages += PageRuns.Merge(_written, _owed);
        MarkWritten(_written);
        _pagesThisEpoch += pages;
        return pages;
    }

    /// <summary>What is copied in an epoch is not dropped in it: written again, with the same bytes and before it is protected, it would count as known to the backup.</summary>
    private void MarkWritten(List<PageRun> runs)
    {
        foreach (PageRun run in runs)
        {
            _freePages.MarkWritten(run);
        }
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
