// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.TwoHosts.Tests;

/// <summary>Hosts that are cut off from each other and from the arbiter: never do both run the guest, and it goes on when one may.</summary>
public sealed class IsolationTests(SharedLab shared) : LabTest(shared)
{
    [Fact]
    public void With_neither_link_nor_arbiter_the_primary_pauses_its_guest_and_goes_on_when_the_record_still_names_it()
    {
        LabGuest guest = StartProtected("isolated", Quiet);

        HideArbiter();
        HostB.Cut("repl");
        guest.WaitForState(HostA, "paused");
        Assert.Equal("paused", guest.StateOn(HostA));
        // It may have a domain prepared, which does not run before the arbiter has answered.
        Assert.NotEqual("running", guest.StateOn(HostB));
        HostB.Freeze();
        ShowArbiter();

        guest.WaitForProgressOn(HostA);
        guest.WaitForState(HostA, "unprotected");
        Assert.NotNull(guest.SidecarOn(HostA));
    }

    [Fact]
    public void A_protected_guest_is_not_started_by_hand_on_its_backup()
    {
        LabGuest guest = StartProtected("by-hand", Quiet);
        File.WriteAllText(Path.Combine(Lab.SharedFolder, "by-hand.xml"), HostA.Virsh("dumpxml", "--inactive", guest.Name));
        HostB.Virsh("define", "/srv/shared/by-hand.xml");

        CommandResult start = HostB.TryRun("virsh", "start", guest.Name);

        Assert.False(start.Succeeded);
        Assert.Contains("active on hostA", start.Errors, StringComparison.Ordinal);
        HostB.Virsh("undefine", guest.Name);
        AssertRunsOnlyOnHostA(guest);
    }

    private void HideArbiter() => Directory.Move(Path.Combine(Lab.SharedFolder, "hikae"), Path.Combine(Lab.SharedFolder, "hikae-away"));

    private void ShowArbiter() => Directory.Move(Path.Combine(Lab.SharedFolder, "hikae-away"), Path.Combine(Lab.SharedFolder, "hikae"));
}
