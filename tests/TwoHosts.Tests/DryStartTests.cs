// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.TwoHosts.Tests;

/// <summary>What the backup could not run is refused while the primary is well, not discovered at the failover.</summary>
public sealed class DryStartTests(SharedLab shared) : LabTest(shared)
{
    [Fact]
    public void A_disk_that_only_the_primary_has_is_refused()
    {
        HostA.Shell("mkdir -p /var/lib/libvirt/images && truncate -s 16M /var/lib/libvirt/images/local.raw");
        LabGuest guest = Lab.StartGuest("local-disk", Quiet with
        {
            EditXml = WithDevice("""
                <disk type='file' device='disk'>
                  <driver name='qemu' type='raw'/>
                  <source file='/var/lib/libvirt/images/local.raw'/>
                  <target dev='vdb' bus='virtio'/>
                  <readonly/>
                </disk>
                """),
        });

        AssertRefused(guest, "local.raw");
    }

    [Fact]
    public void A_bridge_that_the_backup_lacks_is_refused()
    {
        HostA.Shell("ip link show local0 >/dev/null 2>&1 || ip link add local0 type bridge; ip link set local0 up");
        LabGuest guest = Lab.StartGuest("local-bridge", Quiet with
        {
            Outputs = "unheld",
            EditXml = WithDevice("""
                <interface type='bridge'>
                  <source bridge='local0'/>
                  <model type='virtio'/>
                  <driver name='qemu'/>
                </interface>
                """),
        });

        AssertRefused(guest, "local0");
    }

    [Fact]
    public void A_machine_and_a_processor_that_the_backups_older_qemu_lacks_are_refused()
    {
        Assert.SkipUnless(OlderQemu.IsHere, "this machine's QEMU is as new as the lab's");
        using var older = new OlderQemu(HostB);
        LabGuest machine = Lab.StartGuest("new-machine", Quiet);
        LabGuest processor = Lab.StartGuest("new-processor", Quiet with
        {
            EditXml = xml => xml.Replace("pc-q35-10.0", "pc-q35-7.2", StringComparison.Ordinal).Replace("<features>", NewProcessor + "<features>", StringComparison.Ordinal),
        });

        AssertRefused(machine, "pc-q35-10.0");
        AssertRefused(processor, "sha-ni");
    }

    // TCG has it from QEMU 8.2 on.
    private const string NewProcessor = "<cpu mode='custom' match='minimum' check='full'><model>qemu64</model><feature policy='require' name='sha-ni'/></cpu>";

    private static Func<string, string> WithDevice(string device) => xml => xml.Replace("</devices>", device + "</devices>", StringComparison.Ordinal);

    private void AssertRefused(LabGuest guest, string reason)
    {
        guest.WaitForReport(HostA, $"unprotected with \"{reason}\"", report =>
            report.State == "unprotected" && report.Reason.Contains(reason, StringComparison.Ordinal));
        AssertRunsOnlyOnHostA(guest);
    }
}
