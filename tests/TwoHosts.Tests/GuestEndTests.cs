// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.TwoHosts.Tests;

public sealed class GuestEndTests(SharedLab shared) : LabTest(shared, keepsGuest: true)
{
    [Fact]
    public void A_guest_that_powers_off_is_not_started_elsewhere()
    {
        LabGuest guest = StartProtected("poweroff", Talking);

        guest.Run("(sleep 3; poweroff -f) >/dev/null 2>&1 &");

        AssertEnded(guest);
    }

    [Fact]
    public void A_guest_whose_QEMU_crashed_is_not_started_elsewhere()
    {
        LabGuest guest = KeptProtected();

        HostA.Signal("KILL", guest.QemuOn(HostA));

        AssertEnded(guest);
        Lab.Until("the backup has heard of the crash", () => HostB.Shell($"cat /var/log/hikae/{guest.Uuid}.log")
            .Contains("The primary says goodbye (crashed): the replica is dropped", StringComparison.Ordinal));
    }

    [Fact]
    public void A_destroyed_guest_is_not_started_elsewhere_and_is_protected_again_when_it_is_started_again()
    {
        LabGuest guest = KeptProtected();

        HostA.Virsh("destroy", guest.Name);
        AssertEnded(guest);
        HostA.Virsh("start", guest.Name);

        guest.WaitForProtected(HostA);
    }

    [Fact]
    public void A_guest_rebooted_by_reset_stays_protected()
    {
        LabGuest guest = KeptProtected();

        HostA.Virsh("reset", guest.Name);

        guest.WaitForProtected(HostA);
        AssertRunsOnlyOnHostA(guest);
    }

    [Fact]
    public void A_guest_suspended_by_a_user_stays_suspended_until_the_user_resumes_it()
    {
        LabGuest guest = KeptProtected();

        // Once in ten a suspend falls into a checkpoint's own pause: it must last all the same.
        for (int round = 0; round < 20; round++)
        {
            HostA.Virsh("suspend", guest.Name);
            Assert.Equal("paused", guest.StateOn(HostA));
            Thread.Sleep(50);
            Assert.Equal("paused", guest.StateOn(HostA));
            HostA.Virsh("resume", guest.Name);
        }
        HostA.Virsh("suspend", guest.Name);
        // The first that says so may still speak of the pause before, or its last epoch be on its way.
        GuestReport first = guest.WaitForState(HostA, "paused");
        GuestReport paused = guest.WaitForReport(HostA, "paused in a later report", report => report is { State: "paused" } && report.UpdatedAt > first.UpdatedAt.AddSeconds(1));
        GuestReport later = guest.WaitForReport(HostA, "something in a still later report", report => report.UpdatedAt > paused.UpdatedAt);
        Assert.Equal("paused", later.State);
        Assert.Equal(paused.Epoch, later.Epoch);
        Assert.Equal("paused", guest.StateOn(HostA));

        HostA.Virsh("resume", guest.Name);
        guest.WaitForProtected(HostA);
        AssertRunsOnlyOnHostA(guest);
    }

    private void AssertEnded(LabGuest guest)
    {
        guest.WaitForDomainState(HostA, "shut off");
        guest.WaitForNoReport(HostB);
        Lab.Until("both sidecars are gone", () => guest.SidecarOn(HostA) is null && guest.SidecarOn(HostB) is null);
        Assert.Equal("absent", guest.StateOn(HostB));
    }
}
