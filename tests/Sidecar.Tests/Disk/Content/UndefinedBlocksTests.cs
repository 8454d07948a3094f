// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Disk.Content;
using Xunit;

namespace Hikae.Sidecar.Tests.Disk.Content;

public sealed class UndefinedBlocksTests
{
    private const int Stretch = 1 << 15;

    [Fact]
    public void It_is_the_set_that_a_plain_one_is()
    {
        var random = new Random(9);
        var undefined = new UndefinedBlocks();
        var model = new HashSet<long>();

        for (int step = 0; step < 2000; step++)
        {
            long first = random.Next(4 * Stretch);
            if (random.Next(3) == 0)
            {
                int count = random.Next(10) == 0 ? random.Next(2 * Stretch) : random.Next(1, 50);
                undefined.Add(first, count);
                model.UnionWith(Enumerable.Range((int)first, count).Select(block => (long)block));
            }
            else
            {
                undefined.Remove(first);
                model.Remove(first);
            }

            long any = random.Next(6 * Stretch);
            Assert.Equal(model.Contains(any), undefined.Contains(any));
        }

        Assert.Equal(model.Count, Enumerable.Range(0, 6 * Stretch).Count(block => undefined.Contains(block)));
    }

    [Fact]
    public void A_guest_that_trims_everywhere_ends_with_a_disk_that_is_undefined_everywhere()
    {
        var undefined = new UndefinedBlocks();

        for (long stretch = 0; stretch <= 4096; stretch++)
        {
            undefined.Add((stretch * Stretch) + 5, 1);
        }

        Assert.True(undefined.Contains(4));
        undefined.Remove(4);
        Assert.True(undefined.Contains(4));
    }
}
