// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.Outputs.Tests;

/// <summary>A guest whose outputs are held leaves its host by an administrator's wish, not by Hikae's.</summary>
public sealed class LeavingHostTests(OutputsLab lab) : BlocksTest(lab)
{
    [Fact]
    public void A_guest_is_migrated_with_its_disks_as_they_were_and_says_what_it_needs_to_be_protected_there()
    {
        LabGuest guest = StartBlocks("moved", Blocks with { Nic = true });
        WaitForOperations(guest, HostA);

        // hostB has not the guest's network, which shows after it was allowed to come: it goes on where it was, and is protected again.
        HostB.Shell("ip link set lan0 down && ip link set lan0 name away0");
        Assert.False(Migrate(guest).Succeeded);
        HostB.Shell("ip link set away0 name lan0 && ip link set lan0 up");
        Lab.Until("hostA has seen what the record says", () => HostA.Shell($"cat /var/log/hikae/{guest.Uuid}.log").Contains("a migration of it was announced", StringComparison.Ordinal));
        guest.WaitForProtected(HostA);
        WaitForOperations(guest, HostA);

        CommandResult migration = Migrate(guest);
        Assert.True(migration.Succeeded, migration.ToString());
        WaitForOperations(guest, HostB);
        Assert.NotEqual("running", guest.StateOn(HostA));
        Lab.Until("hostA has no sidecar", () => guest.SidecarOn(HostA) is null);
        Assert.Empty(HostA.Shell($"ls /run/hikae | grep -E '{guest.Uuid}.*(buffer|draining|disks)' || true"));
        Lab.Until("hostB says why the guest is unprotected", () => HostB.Reports().Any(report =>
            report is { Role: "primary", State: "unprotected" } && report.Reason.Contains("names hostB as the backup", StringComparison.Ordinal)));

        HostB.Hikae("enable", guest.Name, "--backup", "hostA");
        guest.WaitForState(HostA, "ready");
        WaitForOperations(guest, HostB);
        HostB.Kill();
        WaitForOperations(guest, HostA);
        AssertWhole(guest);
    }

    [Fact]
    public void A_host_that_shuts_down_keeps_nothing_back()
    {
        LabGuest guest = StartBlocks("halted");
        WaitForOperations(guest, HostA);

        // As libvirt-guests does, before the daemons are ended.
        HostA.Virsh("managedsave", guest.Name);
        HostA.Shell("kill -TERM $(cat /run/hikaed.pid) $(cat /run/libvirtd.pid)");
        AssertNothingIsLeft(guest);
        HostA.Kill();
        HostA.Boot();
        HostA.Virsh("start", guest.Name);
        guest.WaitForProtected(HostA);
        WaitForOperations(guest, HostA);

        // Without libvirt-guests everybody is told at once.
        HostA.Shell($"kill -TERM {guest.QemuOn(HostA)} {guest.SidecarOn(HostA)} $(cat /run/hikaed.pid) $(cat /run/libvirtd.pid)");
        AssertNothingIsLeft(guest);
        HostA.Kill();
        Assert.Equal("absent", guest.StateOn(HostB));
        HostA.Boot();
        HostA.Virsh("start", guest.Name);
        guest.WaitForProtected(HostA);
        WaitForOperations(guest, HostA);
        AssertWhole(guest);
    }

    private CommandResult Migrate(LabGuest guest) => HostA.TryRun("virsh", "-q", "migrate", "--live", "--unsafe", guest.Name, HostB.LibvirtUri);

    private void AssertNothingIsLeft(LabGuest guest)
    {
        Lab.Until("hostA has no sidecar", () => guest.SidecarOn(HostA) is null);
        Assert.Empty(HostA.Shell($"ls /run/hikae | grep -E '{guest.Uuid}.*(buffer|draining|disks)' || true"));
        Lab.Until("hostB has no sidecar", () => guest.SidecarOn(HostB) is null);
    }
}
