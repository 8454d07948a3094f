// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Output;
using Xunit;

namespace Hikae.Sidecar.Tests.Output;

public sealed class GuestInterfaceTests
{
    [Fact]
    public void Every_interface_is_found_also_one_that_is_down()
    {
        IReadOnlyList<GuestInterface> found = GuestInterface.Read("""
            <domain><devices>
              <interface type='bridge'><mac address='52:54:00:00:00:01'/><target dev='vnet7'/><alias name='net0'/></interface>
              <interface type='user'><mac address='52:54:00:00:00:02'/><link state='down'/><alias name='ua-mine'/></interface>
            </devices></domain>
            """);

        Assert.Equal([new GuestInterface("net0", "vnet7"), new GuestInterface("ua-mine", "52:54:00:00:00:02")], found);
        Assert.Equal(["hostnet0", "hostua-mine"], found.Select(nic => nic.NetDevice));
    }

    [Fact]
    public void An_interface_without_alias_is_refused() =>
        Assert.Throws<NotProtectableException>(() => GuestInterface.Read("<domain><devices><interface type='user'/></devices></domain>"));
}
