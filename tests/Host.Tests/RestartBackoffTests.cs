// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Host.Sidecars;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Hikae.Host.Tests;

public class RestartBackoffTests
{
    [Fact]
    public void The_first_two_restarts_are_at_once_the_next_ever_later_up_to_a_minute()
    {
        var backoff = new RestartBackoff(new FakeTimeProvider());

        Assert.Equal([0, 0, 1, 2, 4, 8, 16, 32, 60, 60], Enumerable.Range(0, 10).Select(_ => backoff.Next().TotalSeconds));
    }

    [Fact]
    public void A_long_life_is_forgiven()
    {
        var clock = new FakeTimeProvider();
        var backoff = new RestartBackoff(clock);
        TimeSpan delay;
        do
        {
            delay = backoff.Next();
            clock.Advance(delay);
        }
        while (delay < RestartBackoff.Longest);

        // The time for which nothing was started is not a life.
        clock.Advance(RestartBackoff.ForgivenAfter);
        Assert.Equal(RestartBackoff.Longest, backoff.Next());
        clock.Advance(RestartBackoff.Longest + RestartBackoff.ForgivenAfter + TimeSpan.FromSeconds(1));
        Assert.Equal(TimeSpan.Zero, backoff.Next());
    }
}
