// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Linux.Systemd;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Hikae.Native.Tests.Linux.Systemd;

public sealed class WatchdogTests
{
    [Theory]
    [InlineData("30000000", 10.0)]
    [InlineData("0", null)]
    [InlineData("-1", null)]
    [InlineData("soon", null)]
    [InlineData(null, null)]
    public void Three_beats_fit_into_the_time_the_manager_allows(string? microseconds, double? seconds) =>
        Assert.Equal(seconds, Watchdog.Interval(microseconds)?.TotalSeconds);

    [Fact]
    public async Task It_beats_at_once_and_then_at_each_interval_until_the_end()
    {
        var clock = new FakeTimeProvider();
        using var ending = new CancellationTokenSource();
        var beats = new List<string>();

        Task running = Watchdog.RunAsync(TimeSpan.FromSeconds(10), beats.Add, clock, ending.Token);
        Assert.Equal(["WATCHDOG=1"], beats);
        clock.Advance(TimeSpan.FromSeconds(9));
        Assert.Single(beats);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(2, beats.Count);

        await ending.CancelAsync();
        await running;
        Assert.Equal(2, beats.Count);
    }
}
