// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Capture;

/// <summary>Lists of runs, none of which overlap.</summary>
internal static class PageRuns
{
    /// <summary>Ascending by block and page.</summary>
    public static readonly Comparison<PageRun> Order = static (a, b) => a.Block != b.Block ? a.Block.CompareTo(b.Block) : a.FirstPage.CompareTo(b.FirstPage);

    /// <summary>Adds to <paramref name="runs"/> what of <paramref name="more"/> is not in them. All are in ascending order, before and after. Returns the pages added.</summary>
    public static long Merge(List<PageRun> runs, List<PageRun> more)
    {
        int before = runs.Count;
        long added = AddMissing(runs, more, runs);
        if (runs.Count > before)
        {
            runs.Sort(Order);
        }
        return added;
    }

    /// <summary>
    /// Adds to <paramref name="missing"/> what of <paramref name="more"/> is not in <paramref name="runs"/>. Both are in ascending order; <paramref name="missing"/>
    /// may be <paramref name="runs"/>. Returns the pages added.
    /// </summary>
    public static long AddMissing(List<PageRun> runs, List<PageRun> more, List<PageRun> missing)
    {
        long added = 0;
        int count = runs.Count;
        int next = 0;
        foreach (PageRun run in more)
        {
            uint page = run.FirstPage;
            uint end = run.FirstPage + run.PageCount;
            while (page < end)
            {
                while (next < count && IsBefore(runs[next], run.Block, page))
                {
                    next++;
                }
                // The next run begins behind this page, or holds it.
                PageRun? other = next < count && runs[next].Block == run.Block && runs[next].FirstPage < end ? runs[next] : null;
                if (other is { } holds && holds.FirstPage <= page)
                {
                    page = holds.FirstPage + holds.PageCount;
                    continue;
                }
                uint until = other?.FirstPage ?? end;
                missing.Add(new PageRun(run.Block, page, until - page));
                added += until - page;
                page = until;
            }
        }
        return added;
    }

    private static bool IsBefore(PageRun run, int block, uint page) =>
        run.Block < block || (run.Block == block && run.FirstPage + run.PageCount <= page);
}
