// SPDX-License-Identifier: LGPL-2.1-or-later
using CsCheck;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Link;
using Xunit;

namespace Hikae.Sidecar.Tests.Link;

public sealed class BackupPageSetTests
{
    // Not a multiple of 64, so that a run ends inside a word.
    private const uint Pages = 333;

    private static readonly RamBlockInfo[] Blocks = [new("pc.ram", Pages * 4096L, 4096), new("dimm0", Pages * 4096L, 4096)];

    [Fact]
    public void Any_history_leaves_what_a_set_would()
    {
        PCG random = new(17, 0x48494B4145);
        Gen<(int Kind, int Block, int First, int Count)[]> history =
            Gen.Select(Gen.Int[0, 2], Gen.Int[0, 1], Gen.Int[0, (int)Pages - 1], Gen.Int[1, (int)Pages]).Array[0, 60];
        for (int i = 0; i < 300; i++)
        {
            Replay(history.Generate(random, null, out _));
        }
    }

    [Fact]
    public void The_same_blocks_again_keep_what_is_known()
    {
        var set = new BackupPageSet();
        Assert.True(set.SetBlocks(Blocks));
        set.SetSoft(0, 5);

        Assert.False(set.SetBlocks([.. Blocks]));

        Assert.Equal(0, set.TakeHard(new PageRun(0, 5, 1), []));
    }

    [Fact]
    public void Other_blocks_make_everything_hard()
    {
        var set = new BackupPageSet();
        set.SetBlocks(Blocks);
        set.SetSoft(0, 5);

        Assert.True(set.SetBlocks([Blocks[0]]));

        Assert.Equal(Pages, set.TakeHard(new PageRun(0, 0, Pages), []));
    }

    [Fact]
    public void Blocks_behind_those_of_before_are_hard_and_leave_these_as_they_were()
    {
        var set = new BackupPageSet();
        set.SetBlocks([Blocks[0]]);
        set.SetSoft(0, 5);

        Assert.True(set.SetBlocks(Blocks));

        Assert.Equal(Pages - 1, set.TakeHard(new PageRun(0, 0, Pages), []));
        Assert.Equal(Pages, set.TakeHard(new PageRun(1, 0, Pages), []));
    }

    private static void Replay((int Kind, int Block, int First, int Count)[] history)
    {
        var set = new BackupPageSet();
        set.SetBlocks(Blocks);
        HashSet<(int, uint)> hard = [.. Enumerable.Range(0, 2).SelectMany(block => Enumerable.Range(0, (int)Pages).Select(page => (block, (uint)page)))];
        foreach ((int kind, int block, int first, int count) in history)
        {
            uint end = Math.Min(Pages, (uint)(first + count));
            List<uint> run = [.. Enumerable.Range(first, (int)end - first).Select(page => (uint)page)];
            switch (kind)
            {
                case 0:
                    run.ForEach(page => set.SetHard(block, page));
                    run.ForEach(page => hard.Add((block, page)));
                    break;
                case 1:
                    run.ForEach(page => set.SetSoft(block, page));
                    run.ForEach(page => hard.Remove((block, page)));
                    break;
                default:
                    var taken = new List<SoftRun>();
                    long pages = set.TakeHard(new PageRun(block, (uint)first, end - (uint)first), taken);
                    List<uint> expected = [.. run.Where(page => hard.Remove((block, page)))];
                    Assert.Equal(expected, taken.SelectMany(part => Enumerable.Range((int)part.FirstPage, (int)part.PageCount).Select(page => (uint)page)));
                    Assert.Equal(expected.Count, pages);
                    break;
            }
        }
    }
}
