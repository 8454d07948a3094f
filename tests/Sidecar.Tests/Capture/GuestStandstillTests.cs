// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Libvirt;
using Hikae.Sidecar.Capture;
using Xunit;

namespace Hikae.Sidecar.Tests.Capture;

public class GuestStandstillTests
{
    [Theory]
    [InlineData(DomainState.Running, 1)]
    [InlineData(DomainState.Shutdown, 0)]
    [InlineData(DomainState.Shutoff, 2)]
    [InlineData(DomainState.Crashed, 0)]
    [InlineData(DomainState.NoState, 0)]
    public void A_guest_that_ends_was_paused_by_nobody(DomainState state, int reason) => Assert.Null(GuestStandstill.Describe((state, reason)));

    [Theory]
    [InlineData(1, "by a user")]
    [InlineData(3, "saves")]
    [InlineData(5, "a disk failed")]
    [InlineData(6, "watchdog")]
    [InlineData(99, "is paused")]
    public void A_pause_has_its_reason(int reason, string word) => Assert.Contains(word, GuestStandstill.Describe((DomainState.Paused, reason)), StringComparison.Ordinal);

    [Fact]
    public void Sleep_is_no_users_pause() => Assert.Contains("sleep", GuestStandstill.Describe((DomainState.PMSuspended, 0)), StringComparison.Ordinal);
}
