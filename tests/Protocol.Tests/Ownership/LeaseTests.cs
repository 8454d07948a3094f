// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Ownership;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Hikae.Protocol.Tests.Ownership;

public class LeaseTests
{
    private static readonly TimeSpan Length = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Margin = TimeSpan.FromMilliseconds(500);

    [Fact]
    public void The_owner_stops_before_the_claimer_may_write_even_when_their_days_differ()
    {
        var ownersClock = new FakeTimeProvider(new DateTimeOffset(1999, 1, 1, 0, 0, 0, TimeSpan.Zero));
        var claimersClock = new FakeTimeProvider(new DateTimeOffset(2050, 1, 1, 0, 0, 0, TimeSpan.Zero));
        var owner = new Lease(ownersClock, Length, Margin);
        var claimer = new Lease(claimersClock, Length, Margin);
        Assert.False(owner.OwnerMustStop);

        Advance(TimeSpan.FromMilliseconds(3999));
        Assert.False(owner.OwnerMustStop);
        Advance(TimeSpan.FromMilliseconds(1));
        Assert.True(owner.OwnerMustStop);
        Assert.False(claimer.ClaimerMayWrite);
        Assert.Equal(TimeSpan.Zero, owner.UntilOwnerMustStop);
        Advance(TimeSpan.FromMilliseconds(1499));
        Assert.False(claimer.ClaimerMayWrite);
        Advance(TimeSpan.FromMilliseconds(1));
        Assert.True(claimer.ClaimerMayWrite);

        void Advance(TimeSpan step)
        {
            ownersClock.Advance(step);
            claimersClock.Advance(step);
        }
    }

    [Fact]
    public void A_renewal_counts_from_before_the_question()
    {
        var clock = new FakeTimeProvider();
        var lease = new Lease(clock, Length, Margin);
        long asked = clock.GetTimestamp();
        clock.Advance(TimeSpan.FromSeconds(3.5));
        lease.Renew(asked);
        Assert.Equal(TimeSpan.FromMilliseconds(500), lease.UntilOwnerMustStop);
        clock.Advance(TimeSpan.FromMilliseconds(500));

        Assert.True(lease.OwnerMustStop);
        lease.Renew(clock.GetTimestamp());
        Assert.False(lease.OwnerMustStop);
    }
}
