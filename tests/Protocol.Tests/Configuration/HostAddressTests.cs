// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Configuration;
using Xunit;

namespace Hikae.Protocol.Tests.Configuration;

public sealed class HostAddressTests
{
    [Theory]
    [InlineData("hostB", "hostB", null)]
    [InlineData("host-b.example.org:1", "host-b.example.org", 1)]
    [InlineData("192.0.2.7:65535", "192.0.2.7", 65535)]
    [InlineData("2001:db8::1", "2001:db8::1", null)]
    [InlineData("[2001:db8::1]:16520", "2001:db8::1", 16520)]
    [InlineData("[2001:db8::1]", "2001:db8::1", null)]
    public void An_address_is_read(string text, string host, int? port)
    {
        Assert.True(HostAddress.TryParse(text, out HostAddress? address));
        Assert.Equal(new HostAddress(host, port), address);
        Assert.True(HostAddress.TryParse(address.ToString(), out HostAddress? again));
        Assert.Equal(address, again);
    }

    [Theory]
    [InlineData("")]
    [InlineData(":1")]
    [InlineData("host:")]
    [InlineData("host:0")]
    [InlineData("host:65536")]
    [InlineData("host:1:2")]
    [InlineData("[host]:1")]
    [InlineData("[2001:db8::1]1")]
    [InlineData("[2001:db8::1")]
    [InlineData("-oProxyCommand=x")]
    [InlineData("a b")]
    [InlineData("a;reboot")]
    [InlineData("../etc")]
    [InlineData("höst")]
    public void Anything_else_is_not(string text) => Assert.False(HostAddress.TryParse(text, out _));

    [Fact]
    public void The_limit_is_what_DNS_can_carry()
    {
        Assert.True(HostAddress.TryParse(new string('a', HostAddress.MaxHostLength), out _));
        Assert.False(HostAddress.TryParse(new string('a', HostAddress.MaxHostLength + 1), out _));
    }
}
