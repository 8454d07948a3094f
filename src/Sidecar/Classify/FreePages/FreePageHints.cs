// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Guest;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;

namespace Hikae.Sidecar.Classify;

/// <summary>Turns what the guest's agent says about free pages into pages that may be dropped.</summary>
/// <remarks>
/// Theory of operation. The checkpoint loop asks right after a checkpoint's dirty scan. From then on each page that a dirty scan
/// reports is marked as written since. The agent answers some time later, in slices, on the channel's thread. At the first
/// checkpoint after the whole answer is in, and after that checkpoint's written pages are marked, a page may be dropped if the
/// answer calls it free and it was not written since the question: then nobody has put anything into it, whether it is still free
/// or not. The word of the guest is worth no more than its own memory: a lie hurts the liar only.
///
/// Invariant: no page is droppable that was written between the question and the checkpoint that uses its answer.
///
/// A full scan costs the guest about 0.1 us a page, so big guests are asked part by part, and each question waits until the guest
/// has run <see cref="RestFactor"/> times as long as the last scan took; only before the first copy it need not (<see cref="ForgoRest"/>).
///
/// Buffers change hands through one-place exchanges: the channel's thread fills one, leaves it in _arrived, and takes a spare.
/// There are never more than three.
/// </remarks>
internal sealed class FreePageHints : IScanAnswers
{
    /// <summary>Pages asked for at once: 4 GiB, about 0.1 s of one guest CPU.</summary>
    internal const long MaxPagesPerScan = 1024 * 1024;

    /// <summary>Scans take at most one part in so many of one guest CPU.</summary>
    internal const int RestFactor = 100;

    internal static readonly TimeSpan ShortestRest = TimeSpan.FromSeconds(1);

    /// <summary>An answer that takes longer is given up; its frames are then late.</summary>
    internal static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    // The guest's word for how long a scan took decides how soon it is asked again, so it is bounded.
    private static readonly TimeSpan s_longestScan = TimeSpan.FromSeconds(2);

    // set once
    private readonly GuestMemoryMap _map;
    private readonly IScanRequester _agent;
    private readonly TimeProvider _clock;
    private readonly long _pagesPerScan;

    // checkpoint loop's thread only
    private readonly PageBitmap[] _writtenSinceAsked;
    private readonly long[] _freeBySlot;
    private readonly long[] _cacheBySlot;
    private ScanQuestion? _open;
    private ScanBuffer? _taken;
    private ulong _lastNumber;
    private ulong _nextPfn;
    private int _nextSlot;
    private long _askedAt;
    private bool _everAsked;

    // channel's thread only
    private readonly PageBitmap _slice = new(GuestProtocol.MaxSlicePages);
    private ScanBuffer? _filling;
    private ScanQuestion? _answering;
    private ulong _answeredToPfn;
    private uint _slices;

    // handed from thread to thread, by Volatile and Interlocked only
    private ScanQuestion? _asked;
    private ScanQuestion? _lost;
    private ScanBuffer? _arrived;
    private ScanBuffer? _spare;
    private long _freePages;
    private long _cachePages;
    private long _lastScanMicroseconds;

    internal FreePageHints(GuestMemoryMap map, IScanRequester agent, TimeProvider clock, long pagesPerScan = MaxPagesPerScan)
    {
        _map = map;
        _agent = agent;
        _clock = clock;
        _pagesPerScan = pagesPerScan;
        _writtenSinceAsked = [.. map.Blocks.Select(block => new PageBitmap(block.PageCount))];
        _nextPfn = map.Ranges[0].FirstPfn;
        int slots = (int)((map.EndPfn - _nextPfn + (ulong)pagesPerScan - 1) / (ulong)pagesPerScan);
        _freeBySlot = new long[slots];
        _cacheBySlot = new long[slots];
    }

    /// <summary>Droppable pages at the last answer about each part of memory. Any thread.</summary>
    internal long FreePages => Volatile.Read(ref _freePages);

    /// <summary>Clean page cache at the last answer about each part of memory: the guest's word, for people. Any thread.</summary>
    internal long CachePages => Volatile.Read(ref _cachePages);

    /// <summary>How long the guest says its last scan took. Any thread.</summary>
    internal TimeSpan LastScan => TimeSpan.FromMicroseconds(Volatile.Read(ref _lastScanMicroseconds));

    /// <summary>The RAM blocks that answers speak of.</summary>
    internal IReadOnlyList<RamBlockInfo> Blocks => _map.Blocks;

    /// <summary>True: a whole answer waits to be taken. Any thread.</summary>
    internal bool HasAnswer => Volatile.Read(ref _arrived) is not null;

    /// <summary>True: no answer is outstanding and the guest has rested long enough.</summary>
    internal bool MayAsk
    {
        get
        {
            if (!_everAsked)
            {
                return true;
            }

            TimeSpan since = _clock.GetElapsedTime(_askedAt);
            bool waits = _open is not null && !ReferenceEquals(Volatile.Read(ref _lost), _open) && since < LongestWait;
            TimeSpan rest = LastScan * RestFactor;
            return !waits && since >= (rest > ShortestRest ? rest : ShortestRest);
        }
    }

    /// <summary>True: some part of memory was never asked about.</summary>
    internal bool HasUnasked { get; private set; } = true;

    /// <summary>The next question need not wait until the guest has rested, once.</summary>
    internal void ForgoRest() => _everAsked = _open is not null && !ReferenceEquals(Volatile.Read(ref _lost), _open);

    /// <summary>
    /// Asks about the next part of memory; call right after a checkpoint's dirty scan. An answer still outstanding is forgotten.
    /// </summary>
    /// <param name="scanNumber">Higher than any before it.</param>
    internal void Ask(ulong scanNumber)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(scanNumber, _lastNumber);
        _lastNumber = scanNumber;
        _everAsked = true;
        _askedAt = _clock.GetTimestamp();
        ReturnTaken();
        foreach (PageBitmap written in _writtenSinceAsked)
        {
            written.Clear();
        }

        ulong end = Math.Min(_nextPfn + (ulong)_pagesPerScan, _map.EndPfn);
        _open = new ScanQuestion(scanNumber, _nextPfn, end, _nextSlot);

        // Before the request leaves: the answer may be here before TryRequest returns.
        Volatile.Write(ref _asked, _open);
        var request = new ScanRequest(scanNumber, _open.FirstPfn, end - _open.FirstPfn, ScanContents.Both);
        if (!_agent.TryRequest(request))
        {
            // It cost the guest nothing, so the next one need not wait.
            _everAsked = false;
            CloseQuestion();
            return;
        }

        bool wraps = end == _map.EndPfn;
        HasUnasked &= !wraps;
        _nextPfn = wraps ? _map.Ranges[0].FirstPfn : end;
        _nextSlot = wraps ? 0 : _nextSlot + 1;
    }

    /// <summary>A dirty scan reported these pages as written. Call for all of them before <see cref="TryTakeAnswer"/>.</summary>
    internal void MarkWritten(int block, long firstPage, long pageCount)
    {
        if (_open is not null)
        {
            _writtenSinceAsked[block].Set(firstPage, pageCount);
        }
    }

    /// <summary>False: no (whole) answer yet. True: the pages in <paramref name="answer"/> may be dropped at this checkpoint.</summary>
    internal bool TryTakeAnswer(out FreePageAnswer answer)
    {
        answer = default;
        ScanBuffer? arrived = Interlocked.Exchange(ref _arrived, null);
        if (arrived is null)
        {
            return false;
        }

        ReturnTaken();
        _taken = arrived;
        if (_open is null || arrived.ScanNumber != _open.ScanNumber)
        {
            return false;
        }

        long free = 0;
        for (int block = 0; block < arrived.Free.Length; block++)
        {
            arrived.Free[block].Remove(_writtenSinceAsked[block]);
            free += arrived.Free[block].Count();
        }

        _freeBySlot[_open.Slot] = free;
        _cacheBySlot[_open.Slot] = arrived.CachePages;
        Volatile.Write(ref _freePages, _freeBySlot.Sum());
        Volatile.Write(ref _cachePages, _cacheBySlot.Sum());
        Volatile.Write(ref _lastScanMicroseconds, (long)arrived.ScanTime.TotalMicroseconds);
        CloseQuestion();
        answer = new FreePageAnswer(arrived);
        return true;
    }

    bool IScanAnswers.IsWanted(ulong scanNumber) =>
        Volatile.Read(ref _asked) is { } asked && asked.ScanNumber == scanNumber && (ReferenceEquals(asked, _answering) ? _filling is not null : true);

    bool IScanAnswers.TakeSlice(in ScanAnswer answer, ReadOnlySpan<byte> free, ReadOnlySpan<byte> cache)
    {
        if (!TryBegin(answer.ScanNumber, out ScanQuestion question))
        {
            return false;
        }

        ulong end = answer.FirstPfn + (ulong)answer.PfnCount;

        // An honest agent sends one slice per gibibyte and one for each end; the rest would be to keep us busy.
        ulong mostSlices = (2 * (question.EndPfn - question.FirstPfn) / GuestProtocol.MaxSlicePages) + 16;
        if (answer.FirstPfn < _answeredToPfn || end > question.EndPfn || _slices >= mostSlices)
        {
            return false;
        }

        _answeredToPfn = end;
        _slices++;
        _slice.Load(cache);
        _filling!.CachePages += Apply(answer.FirstPfn, end, null);
        _slice.Load(free);
        Apply(answer.FirstPfn, end, _filling.Free);
        return true;
    }

    bool IScanAnswers.TakeEnd(in ScanEnd end)
    {
        if (!TryBegin(end.ScanNumber, out _) || end.Slices != _slices)
        {
            return false;
        }

        var told = TimeSpan.FromMicroseconds(Math.Min(end.ScanMicroseconds, (ulong)s_longestScan.TotalMicroseconds));
        _filling!.ScanTime = told;

        // Whatever lay there was never taken and is out of date: it is the next one to fill.
        ScanBuffer? unused = Interlocked.Exchange(ref _arrived, _filling);
        _filling = null;
        if (unused is not null)
        {
            Interlocked.Exchange(ref _spare, unused);
        }

        return true;
    }

    void IScanAnswers.Lost() => Volatile.Write(ref _lost, Volatile.Read(ref _asked));

    /// <summary>False: this scan is not the one asked for, or its answer is complete already.</summary>
    private bool TryBegin(ulong scanNumber, out ScanQuestion question)
    {
        question = Volatile.Read(ref _asked)!;
        if (question is null || question.ScanNumber != scanNumber)
        {
            return false;
        }

        if (!ReferenceEquals(question, _answering))
        {
            _answering = question;
            _filling ??= Interlocked.Exchange(ref _spare, null) ?? new ScanBuffer(_map.Blocks);
            _filling.Reset(scanNumber);
            _answeredToPfn = question.FirstPfn;
            _slices = 0;
        }

        return _filling is not null;
    }

    /// <summary>Counts the slice's set bits that are guest RAM, and marks them if it is told where.</summary>
    private long Apply(ulong firstPfn, ulong endPfn, PageBitmap[]? target)
    {
        long count = 0;
        foreach (GuestMemoryRange range in _map.Ranges)
        {
            ulong from = Math.Max(range.FirstPfn, firstPfn);
            ulong to = Math.Min(range.EndPfn, endPfn);
            long bit = from < to ? (long)(from - firstPfn) : 0;
            long endBit = from < to ? (long)(to - firstPfn) : 0;
            while (bit < endBit && _slice.TryNextRun(bit, out long first, out long pages) && first < endBit)
            {
                pages = Math.Min(pages, endBit - first);
                target?[range.Block].Set(range.FirstPage + first + (long)(firstPfn - range.FirstPfn), pages);
                count += pages;
                bit = first + pages;
            }
        }

        return count;
    }

    private void CloseQuestion()
    {
        _open = null;
        Volatile.Write(ref _asked, null);
    }

    private void ReturnTaken()
    {
        if (_taken is not null)
        {
            Interlocked.Exchange(ref _spare, _taken);
            _taken = null;
        }
    }
}
