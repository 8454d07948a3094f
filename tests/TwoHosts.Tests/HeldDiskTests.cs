// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.RegularExpressions;
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.TwoHosts.Tests;

/// <summary>Guests whose disks are held: they write and read back with sequence numbers all the time, and say so on their console.</summary>
public sealed partial class HeldDiskTests(SharedLab lab) : LabTest(lab)
{
    private static readonly LabGuestOptions Blocks = Quiet with { App = "blocks", Data = ["virtio,qcow2,64M", "scsi,raw,64M"] };

    [Fact]
    public void Disks_go_through_a_power_cut_and_become_the_guests_own_again()
    {
        LabGuest guest = StartBlocks("held-cut");
        WaitForOperations(guest, HostA);

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

    private LabGuest StartBlocks(string name)
    {
        LabGuest guest = Lab.StartGuest(name, Blocks);
        guest.WaitForProtected(HostA);
        return guest;
    }

    /// <summary>Every disk goes on being written and read back, from now on, on this host.</summary>
    private void WaitForOperations(LabGuest guest, LabHost host)
    {
        int heard = guest.SerialOn(host).Length;
        Lab.Until($"two disks of {guest.Name} are written on {host.Name}", () =>
            Operations().Matches(guest.SerialOn(host)[heard..]).Select(match => match.Groups["disk"].Value).Distinct().Count() == Blocks.Data.Count);
        Assert.DoesNotContain("blocks BAD", guest.SerialOn(host), StringComparison.Ordinal);
    }

    private void AssertWhole(LabGuest guest)
    {
        foreach (LabHost host in (LabHost[])[HostA, HostB])
        {
            Assert.DoesNotContain("blocks BAD", guest.SerialOn(host), StringComparison.Ordinal);
            if (guest.StateOn(host) is "running")
            {
                host.Virsh("destroy", guest.Name);
                guest.WaitForNoReport(host);
            }
        }
        string checkedImage = Lab.Client("qemu-img", "check", Path.Combine(guest.SharedFolder, "data0.qcow2"));
        Assert.Contains("No errors", checkedImage, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"^blocks ok (?<disk>\S+) ops \d+", RegexOptions.Multiline)]
    private static partial Regex Operations();
}
