// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Epoch;
using Hikae.Sidecar.Output;
using Xunit;

namespace Hikae.Sidecar.Tests.Output;

public sealed class ReleaseOrderTests
{
    private readonly ReleaseOrder _order = new();

    [Fact]
    public void A_durable_epoch_is_released()
    {
        _order.Commit(new EpochId(1));

        Assert.Equal(new EpochId(1), _order.Durable(new EpochId(1)));
    }

    [Fact]
    public void An_epoch_waits_for_all_earlier_ones()
    {
        _order.Commit(new EpochId(1));
        _order.Commit(new EpochId(2));
        _order.Commit(new EpochId(3));

        Assert.Null(_order.Durable(new EpochId(2)));
        Assert.Equal(new EpochId(2), _order.Durable(new EpochId(1)));
        Assert.Equal(new EpochId(3), _order.Durable(new EpochId(3)));
    }

    [Fact]
    public void After_the_session_nothing_is_released()
    {
        _order.Commit(new EpochId(1));

        _order.End();

        Assert.Null(_order.Durable(new EpochId(1)));
    }
}
