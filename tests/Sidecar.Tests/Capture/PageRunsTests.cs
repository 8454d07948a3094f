// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Capture;
using Xunit;

namespace Hikae.Sidecar.Tests.Capture;

public sealed class PageRunsTests
{
    [Fact]
    public void What_is_missing_is_added_once_and_nothing_else()
    {
        var random = new Random(4);
        for (int round = 0; round < 2000; round++)
        {
            List<PageRun> written = Runs(random);
            List<PageRun> stale = Runs(random);
            HashSet<(int, uint)> both = [.. Pages(written), .. Pages(stale)];
            int before = Pages(written).Count();

            long added = PageRuns.Merge(written, stale);

            (int, uint)[] pages = [.. Pages(written)];
            Assert.Equal(both.Count, pages.Length);
            Assert.Equal(both, [.. pages]);
            Assert.Equal(before + added, pages.Length);
        }
    }

    private static IEnumerable<(int Block, uint Page)> Pages(IEnumerable<PageRun> runs) =>
        runs.SelectMany(run => Enumerable.Range((int)run.FirstPage, (int)run.PageCount).Select(page => (run.Block, (uint)page)));

    private static List<PageRun> Runs(Random random)
    {
        List<PageRun> runs = [];
        for (int block = 0; block < 3; block++)
        {
            for (uint page = (uint)random.Next(10); page < 40;)
            {
                uint count = (uint)random.Next(1, 8);
                runs.Add(new PageRun(block, page, count));
                page += count + (uint)random.Next(10);
            }
        }

        return runs;
    }
}
