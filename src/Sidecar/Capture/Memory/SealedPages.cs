// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Capture;

/// <summary>The pages that a pause copied and left without protection, until it is known which of them were written between the copy and their protection.</summary>
/// <remarks>
/// A page that is protected again and whose bytes are those of the copy is as the backup has it: whoever writes it from now on is found by the next scan. Segments are
/// held until <see cref="Clear"/>, so whoever waits for free ones clears first. Checkpoint thread only.
/// </remarks>
/// <param name="pid">QEMU.</param>
/// <param name="pool">Where the segments come from.</param>
internal sealed class SealedPages(int pid, SegmentPool pool)
{
    private readonly List<CaptureSegment> _segments = [];
    private readonly List<PageRun> _runs = [];

    /// <summary>A segment that the pause has filled, before it is handed on.</summary>
    public void Add(CaptureSegment segment)
    {
        _segments.Add(segment.Share());
        _runs.AddRange(segment.Runs);
    }

    /// <summary>Adds the pages that the backup needs though they are protected: those that have other bytes by now than their copy, and those that have none.</summary>
    /// <param name="blocks">The RAM blocks, the same as when the copies were made.</param>
    /// <param name="rearmed">What the scan found that protected them, in ascending order.</param>
    /// <param name="changed">Where they are added, in no order, each once.</param>
    public void AddChanged(IReadOnlyList<RamBlock> blocks, List<PageRun> rearmed, List<PageRun> changed)
    {
        foreach (CaptureSegment segment in _segments)
        {
            using CaptureSegment now = pool.RentSpare();
            segment.Runs.ForEach(run => now.Add(run));
            now.Copy(pid, blocks);
            int index = 0;
            foreach (PageRun run in segment.Runs)
            {
                for (uint page = run.FirstPage; page < run.FirstPage + run.PageCount; page++, index++)
                {
                    if (!now.Page(index).SequenceEqual(segment.Page(index)))
                    {
                        changed.Add(run with { FirstPage = page, PageCount = 1 });
                    }
                }
            }
        }
        _runs.Sort(PageRuns.Order);
        PageRuns.AddMissing(_runs, rearmed, changed);
    }

    /// <summary>Gives the copies back.</summary>
    public void Clear()
    {
        _segments.ForEach(segment => segment.Dispose());
        _segments.Clear();
        _runs.Clear();
    }
}
