// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Recovery;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Hikae.Sidecar.Tests.Recovery;

public sealed class PushPaceTests
{
    private readonly FakeTimeProvider _clock = new();

    [Fact]
    public void So_many_bytes_a_second_are_pushed()
    {
        var pace = new PushPace(1000, _clock);

        Assert.Equal(TimeSpan.Zero, pace.Wait());
        pace.Count(500);
        Assert.Equal(TimeSpan.FromSeconds(0.5), pace.Wait());
        _clock.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal(TimeSpan.FromSeconds(0.3), pace.Wait());
        _clock.Advance(TimeSpan.FromSeconds(0.3));
        Assert.Equal(TimeSpan.Zero, pace.Wait());
    }

    [Fact]
    public void A_time_in_which_nothing_was_pushed_is_no_credit()
    {
        var pace = new PushPace(1000, _clock);
        _clock.Advance(TimeSpan.FromHours(1));

        pace.Count(1000);

        Assert.InRange(pace.Wait(), TimeSpan.FromSeconds(0.9), TimeSpan.FromSeconds(1));
    }

    [Fact]
    public void Without_a_limit_there_is_no_wait()
    {
        var pace = new PushPace(null, _clock);
        pace.Count(long.MaxValue);
        Assert.Equal(TimeSpan.Zero, pace.Wait());
    }
}
