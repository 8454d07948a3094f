// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.Outputs.Tests;

/// <summary>A second fault after a failover: the guest runs, and its images may not be written yet.</summary>
public sealed class InterruptedTakeoverTests(LongLeaseLab lab) : BlocksTest(lab), IClassFixture<LongLeaseLab>
{
    [Fact]
    public void A_guest_goes_on_when_the_sidecar_that_took_it_over_is_killed_before_its_images_are_written()
    {
        LabGuest guest = StartBlocks("cut-short");
        WaitForOperations(guest, HostA);
        HostA.Kill();
        WaitUntilImagesWait(guest);

        int killed = guest.SidecarOn(HostB)!.Value;
        HostB.Signal("KILL", killed);

        WaitForOperations(guest, HostB);
        HostA.Boot();
        guest.WaitForProtected(HostB);
        WaitForOperations(guest, HostB);
        Assert.Contains("was cut short with its sidecar, and goes on", LogOnHostB(guest), StringComparison.Ordinal);
        Assert.Contains("The disks may be written here: the former owner's lease is over", LogOnHostB(guest).Split("goes on")[^1], StringComparison.Ordinal);

        HostB.Hikae("disable", guest.Name);
        guest.WaitForNoReport(HostB);
        Assert.DoesNotContain("hikae-", HostB.Virsh("qemu-monitor-command", guest.Name, "{\"execute\":\"query-named-block-nodes\"}"), StringComparison.Ordinal);
        WaitForOperations(guest, HostB);
        AssertNothingIsLeft(guest);
        AssertWhole(guest);
    }

    [Fact]
    public void It_goes_on_when_hikaed_is_killed_as_well()
    {
        LabGuest guest = StartBlocks("both-killed");
        WaitForOperations(guest, HostA);
        HostA.Kill();
        WaitUntilImagesWait(guest);

        HostB.Shell($"kill -KILL $(cat /run/hikaed.pid) {guest.SidecarOn(HostB)}");
        HostB.StartHikaed();

        WaitForOperations(guest, HostB);
        HostA.Boot();
        guest.WaitForProtected(HostB);
        AssertWhole(guest);
    }

    [Fact]
    public void A_guest_that_died_with_that_sidecar_starts_again_when_its_images_have_its_writes()
    {
        LabGuest guest = StartBlocks("both-died");
        WaitForOperations(guest, HostA);
        HostA.Kill();
        WaitUntilImagesWait(guest);

        HostB.Shell($"kill -KILL {guest.SidecarOn(HostB)} {guest.QemuOn(HostB)}");
        Lab.Until("the guest starts again", () => HostB.TryRun("virsh", "-q", "start", guest.Name).Succeeded);

        Assert.Contains("has ended without its sidecar", LogOnHostB(guest), StringComparison.Ordinal);
        WaitForOperations(guest, HostB);
        HostA.Boot();
        guest.WaitForProtected(HostB);
        // A qcow2 file of a killed QEMU may well have leaked clusters: its blocks are what counts.
        WaitForOperations(guest, HostB);
    }

    [Fact]
    public void A_guest_that_had_not_all_its_memory_starts_from_its_disks_where_it_was_going_to_run()
    {
        LabGuest guest = StartBlocks("cut-early");
        WaitForOperations(guest, HostA);
        HostB.Shell("setsid sh -c 'until pid=$(pgrep -x qemu-system-x86); do sleep 0.01; done; kill -STOP $pid' >/dev/null 2>&1 </dev/null &");
        HostA.Kill();
        guest.WaitForState(HostB, "recovering");

        HostB.Shell($"kill -KILL {guest.SidecarOn(HostB)}; kill -CONT $(pgrep -x qemu-system-x86)");
        Lab.Until("the guest starts again", () => HostB.TryRun("virsh", "-q", "start", guest.Name).Succeeded);

        Assert.Contains("Start it from its disks", LogOnHostB(guest), StringComparison.Ordinal);
        WaitForOperations(guest, HostB);
        HostA.Boot();
        guest.WaitForProtected(HostB);
        WaitForOperations(guest, HostB);
    }

    /// <summary>The guest runs on the second host with all its memory, and its images may not be written yet.</summary>
    private void WaitUntilImagesWait(LabGuest guest) =>
        guest.WaitForReport(HostB, "recovered, with writes that wait", report =>
            report is { State: "recovered" } && report.Reason.Contains("its disk writes wait until hostA can write no more", StringComparison.Ordinal));

    private void AssertNothingIsLeft(LabGuest guest) =>
        Assert.Empty(HostB.Shell($"ls /run/hikae | grep -E '{guest.Uuid}.*(buffer|draining|disks|takeover)' || true"));

    private string LogOnHostB(LabGuest guest) => HostB.Shell($"cat /var/log/hikae/{guest.Uuid}.log");
}
