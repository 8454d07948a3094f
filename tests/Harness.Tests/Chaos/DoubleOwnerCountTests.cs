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

    private static LanRun Run(string host, long first, long last) => new(first, last, "52:54:00:77:01:01", host, 10);

    private static IReadOnlyList<string> Judge(LanRun[] runs, OwnerChange[] owners)
    {
        var count = new DoubleOwnerCount();
        count.Begin(runs[..1], owners[..1]);
        return count.Judge(runs, owners);
    }
}
