// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Ownership;
using Xunit;

namespace Hikae.Protocol.Tests.Ownership;

public class OwnershipRulesTests
{
    private static readonly OwnershipRecord Protected = ArbiterDirectory.Record(5, "hostA", "hostB");

    [Fact]
    public void The_owner_may_run_alone() => Assert.Equal(ArbiterDirectory.Record(6, "hostA"), OwnershipRules.RunAlone(Protected, "hostA"));

    [Fact]
    public void Whoever_is_not_the_owner_may_not()
    {
        Assert.Null(OwnershipRules.RunAlone(Protected, "hostB"));
        Assert.Null(OwnershipRules.RunAlone(Protected with { Ended = true }, "hostA"));
        Assert.Null(OwnershipRules.RunAlone(null, "hostA"));
    }
}
