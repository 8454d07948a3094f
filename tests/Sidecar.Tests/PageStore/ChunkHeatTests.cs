// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.PageStore;
using Xunit;

namespace Hikae.Sidecar.Tests.PageStore;

public sealed class ChunkHeatTests
{
    [Fact]
    public void What_was_hot_long_ago_is_colder_than_what_is_warm_now()
    {
        var heat = new ChunkHeat(3);
        for (int epoch = 0; epoch < 1000; epoch++)
        {
            heat.NextEpoch();
            heat.Warm(0);
        }
        Assert.InRange(heat[0], 1, byte.MaxValue);
        for (int epoch = 0; epoch < 1000; epoch++)
        {
            heat.NextEpoch();
            if (epoch % 50 == 0)
            {
                heat.Warm(1);
            }
        }

        Assert.True(heat[1] > heat[0], $"{heat[1]} and {heat[0]}");
        Assert.Equal(0, heat[2]);
    }

    [Fact]
    public void What_the_guest_reads_is_wanted_and_cools_only_when_it_is_told_so()
    {
        var heat = new ChunkHeat(3);
        heat.SetReads(1, [200, 7, 9]); // the last is beyond the block
        heat.SetReads(int.MaxValue, [1]);
        for (int epoch = 0; epoch < 1000; epoch++)
        {
            heat.NextEpoch();
        }
        Assert.Equal([0, 200, 7], Enumerable.Range(0, 3).Select(heat.WantedOf));
        Assert.Equal(0, heat[1]);
        Assert.Equal(2 * 207, heat.ReadPages);

        heat.Warm(2);
        heat.SetReads(1, [1]);

        Assert.Equal([0, 1, 8], Enumerable.Range(0, 3).Select(heat.WantedOf));
        Assert.Equal(2 * 8, heat.ReadPages);
    }

    [Fact]
    public void It_stays_with_a_block_that_grows_or_shrinks()
    {
        var heat = new ChunkHeat(3);
        heat.Warm(1);
        heat.SetReads(0, [3, 4, 5]);
        var smaller = new ChunkHeat(2);
        var larger = new ChunkHeat(5);

        heat.CopyTo(smaller);
        smaller.CopyTo(larger);

        Assert.Equal(heat[1], larger[1]);
        Assert.Equal(0, larger[4]);
        Assert.Equal([3, 5, 0], Enumerable.Range(0, 3).Select(larger.WantedOf));
        Assert.Equal(2 * 7, larger.ReadPages);
    }
}
