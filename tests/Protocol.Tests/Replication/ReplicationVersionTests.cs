// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Xunit;

namespace Hikae.Protocol.Tests.Replication;

public sealed class ReplicationVersionTests
{
    [Fact]
    public void This_build_speaks_its_own_version_and_the_one_before() =>
        Assert.Equal(ReplicationVersion.Oldest, Math.Max(1, ReplicationVersion.Current - 1));

    [Fact]
    public void A_build_agrees_with_itself() =>
        Assert.Equal(ReplicationVersion.Current, ReplicationVersion.Agree(ReplicationVersion.Oldest, ReplicationVersion.Current));

    [Theory]
    [InlineData(4, 5, 4, 5, 5)]
    [InlineData(4, 5, 5, 6, 5)]
    [InlineData(4, 5, 3, 4, 4)]
    [InlineData(4, 5, 1, 9, 5)]
    public void The_newest_common_version_is_spoken(int ownOldest, int own, int peerOldest, int peer, int agreed)
    {
        Assert.Equal(agreed, ReplicationVersion.Agree(ownOldest, own, peerOldest, peer));
        Assert.Equal(agreed, ReplicationVersion.Agree(peerOldest, peer, ownOldest, own));
    }

    [Theory]
    [InlineData(4, 5, 6, 7)]
    [InlineData(4, 5, 2, 3)]
    [InlineData(4, 5, 9, 4)]
    [InlineData(4, 5, 0, 0)]
    [InlineData(4, 5, int.MinValue, int.MinValue)]
    [InlineData(4, 5, int.MaxValue, int.MaxValue)]
    public void Without_a_common_version_there_is_no_agreement(int ownOldest, int own, int peerOldest, int peer) =>
        Assert.Null(ReplicationVersion.Agree(ownOldest, own, peerOldest, peer));
}
