// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.Outputs.Tests;

public sealed class HotPlugTests(OutputsLab shared) : LabTest(shared)
{
    // libvirt makes one slot more than the devices it starts with need.
    internal static readonly string FreeSlots =
        "<controller type='pci' index='0' model='pcie-root'/>" + string.Concat(Enumerable.Repeat("<controller type='pci' model='pcie-root-port'/>", 10));

    internal const string Nic = """
        <interface type='bridge'>
          <mac address='52:54:00:77:02:01'/>
          <source bridge='lan0'/>
          <model type='virtio'/>
          <driver name='qemu'/>
        </interface>
        """;

    private const string Disk = """
        <disk type='file' device='disk'>
          <driver name='qemu' type='raw'/>
          <source file='/srv/shared/plugged.raw'/>
          <target dev='vdb' bus='virtio'/>
          <readonly/>
        </disk>
        """;

    [Fact]
    public void What_was_plugged_in_while_protected_is_there_after_failover()
    {
        LabGuest guest = StartProtected("plugged", Talking with
        {
            EditXml = xml => xml.Replace("</devices>", FreeSlots + "</devices>", StringComparison.Ordinal),
        });
        using GuestListener listener = guest.Listen();
        HostA.Shell("truncate -s 16M /srv/shared/plugged.raw");

        Attach(guest, Nic, "nic.xml");
        Attach(guest, Disk, "disk.xml");
        Lab.Until("the guest sees both", () => SeenInside(guest) == "2 vda");
        guest.WaitForReport(HostB, "three epochs later", Later(guest.WaitForState(HostB, "ready"), 3));
        listener.WaitForProgress();
        HostA.Kill();

        guest.WaitForDomainState(HostB, "running");
        listener.WaitForProgress();
        string xml = HostB.Virsh("dumpxml", guest.Name);
        Assert.Contains("52:54:00:77:02:01", xml, StringComparison.Ordinal);
        Assert.Contains("plugged.raw", xml, StringComparison.Ordinal);
        Assert.Equal("2 vda", SeenInside(guest));
    }

    private static Func<GuestReport, bool> Later(GuestReport before, ulong epochs) => report => report.State == "ready" && report.Epoch >= before.Epoch + epochs;

    private static string SeenInside(LabGuest guest) => guest.Run("echo $(ls -d /sys/class/net/eth* | wc -l) $(ls /sys/block | grep vd)");

    private void Attach(LabGuest guest, string device, string file)
    {
        File.WriteAllText(Path.Combine(Lab.SharedFolder, file), device);
        HostA.Virsh("attach-device", guest.Name, $"/srv/shared/{file}", "--live");
    }
}
