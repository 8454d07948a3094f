// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.Outputs.Tests;

public sealed class HeldDiskTests(OutputsLab lab) : BlocksTest(lab)
{
    /// <summary>Ways to write a guest's memory into a file. The first two are migrations to QEMU, the guest stands still in the last two.</summary>
    private static readonly string[][] Dumps = [["--live"], [], ["--memory-only"]];

    [Fact]
    public void Disks_go_through_memory_dumps_and_a_power_cut_and_become_the_guests_own_again()
    {
        using var device = new LoopDevice(Lab, "held-device", "16M");
        LabGuest guest = StartBlocks("held-cut", Blocks with
        {
            Data = [.. Blocks.Data, "scsi,qcow2,32M,iothread", "virtio,raw,16M,iothread", "sata,qcow2,16M"],
            EditXml = xml => device.InPlaceOf("data3.raw", xml),
        });
        WaitForOperations(guest, HostA);
        Assert.All(Dumps, dump => DumpAndBeProtected(guest, dump));

        HostA.Kill();
        WaitForOperations(guest, HostB);
        HostA.Boot();
        guest.WaitForProtected(HostB);
        WaitForOperations(guest, HostB);

        HostB.Hikae("disable", guest.Name);
        guest.WaitForNoReport(HostB);
        Assert.DoesNotContain("hikae-", HostB.Virsh("qemu-monitor-command", guest.Name, "{\"execute\":\"query-named-block-nodes\"}"), StringComparison.Ordinal);
        WaitForOperations(guest, HostB);
        AssertWhole(guest);
    }

    /// <summary>
    /// One guest for all of it, as a start takes longer than what is done to it. A sidecar that was killed again and again is replaced later each time, until its
    /// guest has ended: hence the order.
    /// </summary>
    [Fact]
    public void A_dead_libvirtd_a_save_killed_sidecars_and_its_end_cost_a_guest_no_write()
    {
        LabGuest guest = StartBlocks("held");

        WaitForOperations(guest, HostA);
        ASidecarKilledWithLibvirtdIsReplacedAndTheGuestGoesOnBeforeLibvirtdIsBack(guest);
        SavedAndRestoredItHasItsDisksAsTheyWere(guest);
        KilledSidecarsAreReplaced(guest);
        WhatItWroteLastIsInItsImagesWhenItHasEnded(guest);
        HostA.Virsh("start", guest.Name);
        guest.WaitForProtected(HostA);
        WritesOfAGuestThatDiedWithItsSidecarAreInTheImagesBeforeItStartsAgain(guest);
        AssertWhole(guest);
    }

    private void KilledSidecarsAreReplaced(LabGuest guest)
    {
        // From the third on hikaed waits longer each time, in the end for as long as the backup waits before it takes the guest.
        for (int round = 0; round < 2; round++)
        {
            WaitForOperations(guest, HostA);
            int killed = guest.SidecarOn(HostA)!.Value;
            HostA.Signal("KILL", killed);
            Lab.Until("another sidecar runs", () => guest.SidecarOn(HostA) is { } now && now != killed);
            guest.WaitForProtected(HostA);
        }
        WaitForOperations(guest, HostA);
    }

    private void ASidecarKilledWithLibvirtdIsReplacedAndTheGuestGoesOnBeforeLibvirtdIsBack(LabGuest guest)
    {
        int killed = guest.SidecarOn(HostA)!.Value;

        HostA.KillLibvirtd();
        HostA.Signal("KILL", killed);
        WaitForOperations(guest, HostA);
        GuestReport report = Lab.Eventually("the sidecar says what it waits for", () =>
            HostA.Reports().FirstOrDefault(report => report is { State: "unprotected", Stale: false } && report.Reason.StartsWith("libvirt does not answer", StringComparison.Ordinal)));
        Assert.Equal("hostA", report.Host);

        HostA.StartLibvirtd();
        guest.WaitForProtected(HostA);
        WaitForOperations(guest, HostA);
    }

    private void SavedAndRestoredItHasItsDisksAsTheyWere(LabGuest guest)
    {
        HostA.Virsh("managedsave", guest.Name);
        Lab.Until("both sidecars are gone", () => guest.SidecarOn(HostA) is null && guest.SidecarOn(HostB) is null);
        HostA.Virsh("start", guest.Name);

        guest.WaitForProtected(HostA);
        WaitForOperations(guest, HostA);
    }

    private void WhatItWroteLastIsInItsImagesWhenItHasEnded(LabGuest guest)
    {
        HostA.Virsh("destroy", guest.Name);
        Lab.Until("both sidecars are gone", () => guest.SidecarOn(HostA) is null && guest.SidecarOn(HostB) is null);

        Assert.Empty(HostA.Shell($"ls /run/hikae | grep -E '{guest.Uuid}.*(buffer|draining|disks)' || true"));
        Assert.Empty(HostB.Shell($"ls /run/hikae | grep -E '{guest.Uuid}.*(buffer|draining|disks)' || true"));
        AssertWhole(guest);
    }

    private void WritesOfAGuestThatDiedWithItsSidecarAreInTheImagesBeforeItStartsAgain(LabGuest guest)
    {
        WaitForOperations(guest, HostA);

        HostA.Shell($"kill -KILL {guest.SidecarOn(HostA)} {guest.QemuOn(HostA)}");
        Lab.Until("the guest starts again", () => HostA.TryRun("virsh", "-q", "start", guest.Name).Succeeded);

        Assert.Contains("has ended without its sidecar", HostA.Shell($"cat /var/log/hikae/{guest.Uuid}.log"), StringComparison.Ordinal);
        guest.WaitForProtected(HostA);
        WaitForOperations(guest, HostA);
    }

    private void DumpAndBeProtected(LabGuest guest, string[] how)
    {
        const string Core = "/srv/shared/held.core";
        HostA.Virsh(["dump", guest.Name, Core, .. how]);

        Assert.True(new FileInfo(HostA.PathOf(Core)).Length > 0);
        guest.WaitForProtected(HostA);
        WaitForOperations(guest, HostA);
    }
}
