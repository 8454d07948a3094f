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
            Data = [.. Blocks.Data, "scsi,qcow2,32M,iothread", "virtio,raw,16M,iothread"],
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

    [Fact]
    public void A_killed_sidecar_costs_the_guest_no_write()
    {
        LabGuest guest = StartBlocks("held-killed");
        for (int round = 0; round < 3; round++)
        {
            WaitForOperations(guest, HostA);
            int killed = guest.SidecarOn(HostA)!.Value;
            HostA.Signal("KILL", killed);
            Lab.Until("another sidecar runs", () => guest.SidecarOn(HostA) is { } now && now != killed);
            guest.WaitForProtected(HostA);
        }
        WaitForOperations(guest, HostA);
        AssertWhole(guest);
    }

    [Fact]
    public void A_sidecar_killed_with_libvirtd_is_replaced_and_the_guest_goes_on_before_libvirtd_is_back()
    {
        LabGuest guest = StartBlocks("held-no-libvirt");
        WaitForOperations(guest, HostA);
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
        AssertWhole(guest);
    }

    [Fact]
    public void What_a_guest_wrote_last_is_in_its_images_when_it_has_ended()
    {
        LabGuest guest = StartBlocks("held-ended");
        WaitForOperations(guest, HostA);

        HostA.Virsh("destroy", guest.Name);
        Lab.Until("both sidecars are gone", () => guest.SidecarOn(HostA) is null && guest.SidecarOn(HostB) is null);

        Assert.Empty(HostA.Shell($"ls /run/hikae | grep -E '{guest.Uuid}.*(buffer|draining|disks)' || true"));
        Assert.Empty(HostB.Shell($"ls /run/hikae | grep -E '{guest.Uuid}.*(buffer|draining|disks)' || true"));
        AssertWhole(guest);
    }

    [Fact]
    public void Writes_of_a_guest_that_died_with_its_sidecar_are_in_the_images_before_it_starts_again()
    {
        LabGuest guest = StartBlocks("held-left");
        WaitForOperations(guest, HostA);

        HostA.Shell($"kill -KILL {guest.SidecarOn(HostA)} {guest.QemuOn(HostA)}");
        Lab.Until("the guest starts again", () => HostA.TryRun("virsh", "-q", "start", guest.Name).Succeeded);

        Assert.Contains("has ended without its sidecar", HostA.Shell($"cat /var/log/hikae/{guest.Uuid}.log"), StringComparison.Ordinal);
        guest.WaitForProtected(HostA);
        WaitForOperations(guest, HostA);
        AssertWhole(guest);
    }

    [Fact]
    public void A_guest_is_saved_and_restored_with_its_disks_as_they_were()
    {
        LabGuest guest = StartBlocks("held-saved");
        WaitForOperations(guest, HostA);

        HostA.Virsh("managedsave", guest.Name);
        Lab.Until("both sidecars are gone", () => guest.SidecarOn(HostA) is null && guest.SidecarOn(HostB) is null);
        HostA.Virsh("start", guest.Name);

        guest.WaitForProtected(HostA);
        WaitForOperations(guest, HostA);
        AssertWhole(guest);
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
