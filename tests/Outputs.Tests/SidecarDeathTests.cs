// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.Outputs.Tests;

public sealed class SidecarDeathTests(SlowDetectionLab lab) : LabTest(lab, keepsGuest: true), IClassFixture<SlowDetectionLab>
{
    [Fact]
    public void A_killed_backup_sidecar_is_replaced_and_the_guest_protected_again()
    {
        LabGuest guest = KeptProtected();
        int killed = guest.SidecarOn(HostB)!.Value;

        HostB.Signal("KILL", killed);
        Lab.Until("another backup sidecar runs", () => guest.SidecarOn(HostB) is { } now && now != killed);
        guest.WaitForProtected(HostA);

        AssertRunsOnlyOnHostA(guest);
    }

    [Fact]
    public void A_domain_that_was_prepared_by_a_sidecar_that_was_killed_is_ended_and_the_guest_protected_again()
    {
        LabGuest guest = KeptProtected();

        // The link is doubted after half the time, and the domain made then.
        HostA.Cut("repl");
        Lab.Until("a domain is prepared", () => guest.StateOn(HostB) == "paused");
        HostB.Signal("KILL", guest.SidecarOn(HostB)!.Value);
        Lab.Until("it is gone", () => guest.StateOn(HostB) is "absent" or "shut off");
        HostA.Restore("repl");

        guest.WaitForProtected(HostA);
        AssertRunsOnlyOnHostA(guest);
    }

    [Fact]
    public void A_primary_sidecar_killed_again_and_again_is_replaced_each_time()
    {
        LabGuest guest = KeptProtected();

        KillPrimarySidecar(guest);
        KillPrimarySidecar(guest);
        KillPrimarySidecar(guest);

        AssertRunsOnlyOnHostA(guest);
    }

    [Fact]
    public void A_guest_whose_sidecar_dies_while_it_holds_the_guest_still_runs_on()
    {
        LabGuest guest = StartProtected("paused-killed", Quiet with { IntervalMs = 20 });
        int sidecar = guest.SidecarOn(HostA)!.Value;

        // The sidecar is stopped at any moment; one time in several the guest is paused then.
        Lab.Until("the sidecar stands still in the middle of a checkpoint", () => StopsInsideCheckpoint(guest, sidecar));
        HostA.Signal("KILL", sidecar);

        guest.WaitForDomainState(HostA, "running");
        Lab.Until("another sidecar runs", () => guest.SidecarOn(HostA) is { } now && now != sidecar);
        guest.WaitForProtected(HostA);
        AssertRunsOnlyOnHostA(guest);
    }

    private void KillPrimarySidecar(LabGuest guest)
    {
        int killed = guest.SidecarOn(HostA)!.Value;
        HostA.Signal("KILL", killed);
        Lab.Until("another primary sidecar runs", () => guest.SidecarOn(HostA) is { } now && now != killed);
        guest.WaitForProtected(HostA);
    }

    private bool StopsInsideCheckpoint(LabGuest guest, int sidecar)
    {
        string script = $"kill -STOP {sidecar}; [ \"$(virsh -q domstate {guest.Name})\" = paused ] || {{ kill -CONT {sidecar}; false; }}";
        return HostA.TryRun("bash", "-c", script).Succeeded;
    }
}
