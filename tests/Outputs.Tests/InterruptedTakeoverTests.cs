// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.Outputs.Tests;

/// <summary>A second fault after a failover: the guest runs, and its images may not be written yet.</summary>
public sealed class InterruptedTakeoverTests(LongLeaseLab lab) : BlocksTest(lab), IClassFixture<LongLeaseLab>
{
    [Fact]
    public void A_guest_goes_on_when_the_sidecar_that_took_it_over_is_killed_before_its_images_are_written_and_when_hikaed_is_killed_as_well()
    {
        LabGuest guest = StartBlocks("cut-short");
        WaitForOperations(guest, HostA);
        HostA.Kill();
        WaitUntilImagesWait(guest, HostB, formerly: HostA);

        HostB.Shell($"kill -KILL $(cat /run/hikaed.pid) {guest.SidecarOn(HostB)}");
        HostB.StartHikaed();

        WaitForOperations(guest, HostB);
        HostA.Boot();
        guest.WaitForProtected(HostB);
        WaitForOperations(guest, HostB);

        // Back again, and hikaed lives this time.
        HostB.Kill();
        WaitUntilImagesWait(guest, HostA, formerly: HostB);

        int killed = guest.SidecarOn(HostA)!.Value;
        HostA.Signal("KILL", killed);

        WaitForOperations(guest, HostA);
        HostB.Boot();
        guest.WaitForProtected(HostA);
        WaitForOperations(guest, HostA);
        Assert.Contains("was cut short with its sidecar, and goes on", LogOn(HostA, guest), StringComparison.Ordinal);
        Assert.Contains("The disks may be written here: the former owner's lease is over", LogOn(HostA, guest).Split("goes on")[^1], StringComparison.Ordinal);

        HostA.Hikae("disable", guest.Name);
        guest.WaitForNoReport(HostA);
        Assert.DoesNotContain("hikae-", HostA.Virsh("qemu-monitor-command", guest.Name, "{\"execute\":\"query-named-block-nodes\"}"), StringComparison.Ordinal);
        WaitForOperations(guest, HostA);
        AssertNothingIsLeft(guest, HostA);
        AssertWhole(guest);
    }

    [Fact]
    public void A_guest_that_died_with_that_sidecar_starts_again_when_its_images_have_its_writes()
    {
        LabGuest guest = StartBlocks("both-died");
        WaitForOperations(guest, HostA);
        HostA.Kill();
        WaitUntilImagesWait(guest, HostB, formerly: HostA);

        HostB.Shell($"kill -KILL {guest.SidecarOn(HostB)} {guest.QemuOn(HostB)}");
        Lab.Until("the guest starts again", () => HostB.TryRun("virsh", "-q", "start", guest.Name).Succeeded);

        Assert.Contains("has ended without its sidecar", LogOn(HostB, guest), StringComparison.Ordinal);
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
        // Each one: a backup that only doubts makes a QEMU in advance, too.
        HostB.Shell("rm -f /run/let-go; setsid sh -c 'echo $$ >/run/stopper; until [ -e /run/let-go ]; do pkill -STOP -x qemu-system-x86; sleep 0.01; done' >/dev/null 2>&1 </dev/null &");
        HostA.Kill();
        guest.WaitForState(HostB, "recovering");
        // The state comes before QEMU does: let go on too early, it would be stopped afterwards, and stay so.
        Lab.Until("QEMU stands still", () => HostB.TryRun("ps", "-C", "qemu-system-x86", "-o", "stat=").Output.StartsWith('T'));

        HostB.Shell($"touch /run/let-go; while [ -e /proc/$(cat /run/stopper) ]; do sleep 0.01; done; kill -KILL {guest.SidecarOn(HostB)}; pkill -CONT -x qemu-system-x86");
        Lab.Until("the guest starts again", () => HostB.TryRun("virsh", "-q", "start", guest.Name).Succeeded);

        Assert.Contains("Start it from its disks", LogOn(HostB, guest), StringComparison.Ordinal);
        WaitForOperations(guest, HostB);
        HostA.Boot();
        guest.WaitForProtected(HostB);
        WaitForOperations(guest, HostB);
    }

    /// <summary>The guest runs there with all its memory, and its images may not be written yet.</summary>
    private static void WaitUntilImagesWait(LabGuest guest, LabHost host, LabHost formerly) =>
        guest.WaitForReport(host, "recovered, with writes that wait", report =>
            report is { State: "recovered" } && report.Reason.Contains($"its disk writes wait until {formerly.Name} can write no more", StringComparison.Ordinal));

    private static void AssertNothingIsLeft(LabGuest guest, LabHost host) =>
        Assert.Empty(host.Shell($"ls /run/hikae | grep -E '{guest.Uuid}.*(buffer|draining|disks|takeover)' || true"));

    private static string LogOn(LabHost host, LabGuest guest) => host.Shell($"cat /var/log/hikae/{guest.Uuid}.log");
}
