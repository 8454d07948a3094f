// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Chaos;
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.Harness.Tests.Chaos;

public sealed class DoubleOwnerCountTests
{
    [Fact]
    public void Hosts_that_are_heard_while_they_own_the_guest_are_right() => Assert.Empty(
        Judge([Run("A", 0, 1000), Run("B", 1500, 3000), Run("A", 3500, 4000)], [new("A", 0), new("B", 1200), new("A", 3300)]));

    [Fact]
    public void An_owner_that_was_never_heard_is_right() => Assert.Empty(
        Judge([Run("A", 0, 1190), Run("A", 3310, 4000)], [new("A", 0), new("B", 1200), new("A", 3300)]));

    // The guest was started again from its disk on the host that had lost it: what comes after that is judged by the claims of then.
    [Fact]
    public void What_follows_an_owner_that_was_never_heard_is_right() => Assert.Empty(
        Judge(
            [Run("A", 0, 1190), Run("A", 3310, 4000), Run("B", 5100, 6000), Run("A", 7100, 8000)],
            [new("A", 0), new("B", 1200), new("A", 3300), new("B", 5000), new("A", 7000)]));

    [Fact]
    public void A_host_that_is_heard_under_an_owner_that_was_never_heard_is_found() => Assert.Single(
        Judge([Run("A", 0, 4000)], [new("A", 0), new("B", 1200), new("A", 3300)]));

    [Fact]
    public void A_host_that_is_heard_after_the_next_owner_is_found() => Assert.Single(
        Judge([Run("A", 0, 1000), Run("B", 1500, 3000), Run("A", 3100, 3100), Run("B", 3200, 4000)], [new("A", 0), new("B", 1200)]));

    [Fact]
    public void A_host_that_is_heard_before_the_next_owner_but_after_its_claim_is_found() => Assert.Single(
        Judge([Run("A", 0, 1300), Run("B", 1500, 3000)], [new("A", 0), new("B", 1200)]));

    [Fact]
    public void A_host_that_never_owned_the_guest_is_found() => Assert.Single(
        Judge([Run("A", 0, 1000), Run("B", 1500, 1500)], [new("A", 0)]));

    [Fact]
    public void A_host_that_is_heard_before_its_claim_is_found() => Assert.Single(
        Judge([Run("A", 0, 1000), Run("B", 1100, 2000)], [new("A", 0), new("B", 1200)]));

    [Theory]
    [InlineData(1195)]
    [InlineData(1205)]
    public void The_clocks_of_a_frame_and_of_a_claim_may_differ_by_a_tick(long claimed) => Assert.Empty(
        Judge([Run("A", 0, 1200), Run("B", 1200, 2000)], [new("A", 0), new("B", claimed)]));

    [Fact]
    public void A_run_that_grows_is_judged_again_and_told_once()
    {
        OwnerChange[] owners = [new("A", 0), new("B", 1200)];
        var count = new DoubleOwnerCount();
        count.Begin([Run("A", 0, 1000)]);

        Assert.Empty(count.Judge([Run("A", 0, 1100)], owners));
        Assert.Single(count.Judge([Run("A", 0, 1300)], owners));
        Assert.Empty(count.Judge([Run("A", 0, 1400), Run("B", 1500, 2000)], owners));
        Assert.Empty(count.Judge([Run("A", 0, 1400), Run("B", 1500, 2000)], owners));
    }

    private static LanRun Run(string host, long first, long last) => new(first, last, "52:54:00:77:01:01", host, 10);

    private static IReadOnlyList<string> Judge(LanRun[] runs, OwnerChange[] owners)
    {
        var count = new DoubleOwnerCount();
        count.Begin([runs[0] with { LastMs = runs[0].FirstMs }]);
        return count.Judge(runs, owners);
    }
}
