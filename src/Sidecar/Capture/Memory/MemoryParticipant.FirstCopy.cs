// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;

namespace Hikae.Sidecar.Capture;

/// <content>Memory that was never copied: all of it at first, later what is plugged in.</content>
internal sealed partial class MemoryParticipant
{
    // 256 MiB, which are protected for the first time in some milliseconds.
    private const long ArmBytes = 256L << 20;

    // A guest that writes faster than the link drains would never converge.
    private const int MaxFirstRounds = 8;

    private static readonly TimeSpan FirstAnswerTimeout = TimeSpan.FromSeconds(3);

    // What is found free need not be copied. A scan of 64 GiB takes a guest's processor 1.6 s, and an emulated one ten times as long.
    private static readonly TimeSpan FirstRoundTimeout = TimeSpan.FromSeconds(20);

    private void CopyEverything(CancellationToken cancellationToken)
    {
        long started = Stopwatch.GetTimestamp();
        Arm(0, cancellationToken);
        _freePages.Ask();
        PageBitmap[] free = [.. _blocks.Select(block => new PageBitmap(block.Info.PageCount))];
        TimeSpan left = FirstRoundTimeout;
        bool isAnswered;
        do
        {
            isAnswered = _freePages.WaitForAnswer(left < FirstAnswerTimeout ? left : FirstAnswerTimeout, cancellationToken);
            ScanRunning(cancellationToken);
            // What was free in an earlier answer, and is not any more.
            _written.ForEach(run => free[run.Block].Reset(run.FirstPage, run.PageCount));
            SendFree(cancellationToken).ForEach(run => free[run.Block].Set(run.FirstPage, run.PageCount));
            left = FirstRoundTimeout - Stopwatch.GetElapsedTime(started);
        }
        while (isAnswered && left > TimeSpan.Zero && _freePages.TryAskMore());
        _firstTotal = free.Sum(pages => pages.PageCount - pages.Count());
        Volatile.Write(ref _firstLeft, _firstTotal);
        Copy(Without(free), cancellationToken);
        _owed.Clear();

        CopyRounds(cancellationToken);
        Volatile.Write(ref _firstLeft, 0);
        _pagesThisEpoch = 0;
    }

    /// <summary>Memory that was plugged in may be many times what a pause copies. Whatever was written of the rest is copied on the way.</summary>
    private void CopyPlugged(CancellationToken cancellationToken)
    {
        Arm(_blocksCopied, cancellationToken);
        ScanRunning(cancellationToken);
        _written.RemoveAll(run => run.Block >= _blocksCopied);
        CopyFound(cancellationToken);
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

    /// <summary>Protects blocks for the first time, all of which must be copied afterwards.</summary>
    private void Arm(int firstBlock, CancellationToken cancellationToken)
    {
        for (int block = firstBlock; block < _blocks.Count; block++)
        {
            long bytes = _blocks[block].Info.UsedBytes;
            for (long from = 0; from < bytes; from += ArmBytes)
            {
                _written.Clear();
                WithoutReads(() => _tracker.Scan(block, from, Math.Min(from + ArmBytes, bytes), _written, rearm: true), cancellationToken);
            }
        }
    }
}
