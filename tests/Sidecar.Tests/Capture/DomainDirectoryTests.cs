// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Capture;
using Xunit;

namespace Hikae.Sidecar.Tests.Capture;

public sealed class DomainDirectoryTests
{
    [Theory]
    [InlineData("web", "/q/domain-1-web")]
    [InlineData("web2", "/q/domain-1-web2")]
    [InlineData("a-name-of-more-than-twenty-letters", "/q/domain-1-a-name-of-more-than-")]
    [InlineData("none", null)]
    public void A_guest_has_its_own_directory_whatever_dead_guests_left(string name, string? expected) =>
        Assert.Equal(expected, DomainDirectory.Choose(["/q/domain-1-web", "/q/domain-1-web2", "/q/domain-1-a-name-of-more-than-"], 1, name));
}
