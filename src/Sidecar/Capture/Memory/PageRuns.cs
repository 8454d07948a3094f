// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Capture;

/// <summary>Lists of runs in ascending order of block and page, none of which overlap.</summary>
internal static class PageRuns
{
    /// <summary>Adds behind <paramref name="runs"/> what of <paramref name="more"/> is not in them. Returns the pages added.</summary>
    public static long AddMissing(List<PageRun> runs, List<PageRun> more)
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
                runs.Add(new PageRun(run.Block, page, until - page));
                added += until - page;
                page = until;
            }
        }
        return added;
    }

    private static bool IsBefore(PageRun run, int block, uint page) =>
        run.Block < block || (run.Block == block && run.FirstPage + run.PageCount <= page);
}
