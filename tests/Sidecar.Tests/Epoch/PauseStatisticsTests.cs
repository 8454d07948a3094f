// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Control;
using Hikae.Sidecar.Epoch;
using Microsoft.Extensions.Time.Testing;
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

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_the_guest_ran_at_both_ends_is_no_pause(bool accountComesFirst)
    {
        var clock = new FakeTimeProvider();
        var statistics = new PauseStatistics();
        DateTimeOffset start = clock.GetUtcNow();
        PauseTimings pause = Checkpoint(clock, ("stop", 4), ("scan", 1), ("devices", 2), ("cont", 5));
        if (accountComesFirst)
        {
            statistics.Account(start.AddMilliseconds(3), start.AddMilliseconds(8));
            statistics.Add(pause);
        }
        else
        {
            statistics.Add(pause);
            statistics.Account(start.AddMilliseconds(3), start.AddMilliseconds(8));
        }

        PauseFigures figures = Assert.Single(statistics.ToList());
        Assert.Equal(12, figures.CommandMs, 0.001);
        Assert.Equal(5, figures.StoodMs, 0.001);
        Assert.Equal([("stop", 1.0), ("scan", 1), ("devices", 2), ("cont", 1)], figures.Steps.Select(step => (step.Name, Math.Round(step.Ms, 3))));
    }

    [Fact]
    public void The_ends_may_reach_over_a_step()
    {
        var clock = new FakeTimeProvider();
        DateTimeOffset start = clock.GetUtcNow();
        PauseTimings pause = Checkpoint(clock, ("stop", 1), ("scan", 1), ("cont", 1));

        Assert.True(pause.TryNarrow(start.AddMilliseconds(1.5), start.AddMilliseconds(1.75)));

        Assert.Equal([0.0, 0.25, 0], pause.Steps.Select(step => Math.Round(step.Ms, 3)));
        Assert.Equal(0.25, pause.TotalMs, 0.001);
    }

    [Theory]
    [InlineData(-1, 5)]
    [InlineData(2, 13)]
    [InlineData(5, 4)]
    [InlineData(-200_000, -199_990)]
    public void An_account_of_another_pause_or_another_clock_changes_nothing(double stoppedMs, double resumedMs)
    {
        var clock = new FakeTimeProvider();
        var statistics = new PauseStatistics();
        DateTimeOffset start = clock.GetUtcNow();
        statistics.Add(Checkpoint(clock, ("stop", 6), ("cont", 6)));
        statistics.Account(start.AddMilliseconds(stoppedMs), start.AddMilliseconds(resumedMs));

        PauseFigures figures = Assert.Single(statistics.ToList());
        Assert.Equal(12, figures.StoodMs, 0.001);
        Assert.Equal([6.0, 6], figures.Steps.Select(step => Math.Round(step.Ms, 3)));
    }

    private static PauseTimings Checkpoint(FakeTimeProvider clock, params (string Step, double Ms)[] steps)
    {
        var pause = new PauseTimings(new EpochId(1), clock);
        pause.Start();
        foreach ((string step, double ms) in steps)
        {
            clock.Advance(TimeSpan.FromMilliseconds(ms));
            pause.Mark(step);
        }

        return pause;
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
