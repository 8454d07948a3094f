// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Chaos;
using Xunit;

namespace Hikae.Harness.Tests.Chaos;

public sealed class ChaosPlanTests
{
    [Fact]
    public void A_round_can_be_made_again_from_its_seed_and_number() =>
        Assert.All(Enumerable.Range(1, 200), round => Assert.Equal(ChaosPlan.Round(7, round), ChaosPlan.Round(7, round)));

    [Fact]
    public void Two_hundred_rounds_hold_every_fault_on_either_host()
    {
        HashSet<(FaultKind, bool)> planned = [.. Enumerable.Range(1, 200).SelectMany(round => ChaosPlan.Round(7, round)).Select(fault => (fault.Kind, fault.OnPrimary))];

        Assert.Equal(2 * Enum.GetValues<FaultKind>().Length, planned.Count);
    }
}
