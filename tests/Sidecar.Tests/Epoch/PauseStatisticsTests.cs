// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Control;
using Hikae.Sidecar.Epoch;
using Xunit;

namespace Hikae.Sidecar.Tests.Epoch;

public sealed class PauseStatisticsTests
{
    [Theory]
    [InlineData(0.5, 50)]
    [InlineData(0.99, 99)]
    [InlineData(1, 100)]
    [InlineData(0, 1)]
    public void A_percentile_is_one_of_the_values(double fraction, double expected)
    {
        IEnumerable<double> oneToHundred = Enumerable.Range(1, 100).Reverse().Select(n => (double)n);

        Assert.Equal(expected, PauseStatistics.Percentile(oneToHundred, fraction));
    }

    [Fact]
    public void Steps_keep_the_order_in_which_they_were_marked()
    {
        var statistics = new PauseStatistics();
        statistics.Add(Pause("stop", "scan"));
        statistics.Add(Pause("stop", "scan", "copy", "cont"));

        Assert.Equal(["stop", "scan", "copy", "cont"], PauseStatistics.Steps(statistics.ToList()).Select(step => step.Step));
    }

    [Fact]
    public void Without_a_pause_there_is_no_step()
    {
        Assert.Empty(PauseStatistics.Steps(new PauseStatistics().ToList()));
    }

    [Fact]
    public void Only_the_last_600_pauses_are_kept()
    {
        var statistics = new PauseStatistics();
        for (int i = 0; i < 601; i++)
        {
            statistics.Add(new PauseTimings(new EpochId((ulong)i)));
        }

        Assert.Equal(600, statistics.ToList().Count);
        Assert.Equal(new EpochId(1), statistics.ToList()[0].Epoch);
    }

    private static PauseTimings Pause(params string[] steps)
    {
        var pause = new PauseTimings(new EpochId(1));
        foreach (string step in steps)
        {
            pause.Mark(step);
        }
        return pause;
    }
}
