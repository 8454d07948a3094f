// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
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

    private const string Dimm = """
        <memory model='dimm'>
          <target>
            <size unit='MiB'>128</size>
            <node>0</node>
          </target>
        </memory>
        """;

    private const string RoomForMore = """
        <maxMemory slots='2' unit='MiB'>1024</maxMemory>
          <vcpu current='1'>2</vcpu>
          <cpu><numa><cell id='0' cpus='0-1' memory='160' unit='MiB'/></numa></cpu>
        """;

    // More than the guest had before.
    private const int FileMiB = 72;

    [Fact]
    public void What_was_plugged_in_while_protected_is_there_after_failover()
    {
        LabGuest guest = StartProtected("plugged", Talking with
        {
            Append = "memhp_default_state=online",
            EditXml = xml => xml.Replace("</devices>", FreeSlots + "</devices>", StringComparison.Ordinal).Replace("<vcpu>1</vcpu>", RoomForMore, StringComparison.Ordinal),
        });
        using GuestListener listener = guest.Listen();
        HostA.Shell("truncate -s 16M /srv/shared/plugged.raw");

        Attach(guest, Nic, "nic.xml");
        Attach(guest, Disk, "disk.xml");
        Lab.Until("the guest sees both", () => SeenInside(guest) == "2 vda");
        Attach(guest, Dimm, "dimm.xml");
        Lab.Until("the guest has the memory", () => int.Parse(guest.Run("awk '/MemTotal/ { print $2 }' /proc/meminfo"), CultureInfo.InvariantCulture) > FileMiB * 2048);
        string hash = guest.Run($"mkdir /run/plugged && mount -t tmpfs -o size=90% tmpfs /run/plugged && dd if=/dev/urandom of=/run/plugged/file bs=1M count={FileMiB} 2>/dev/null && md5sum </run/plugged/file");

        // No event of libvirt's tells of it. Linux 6.12 does not use it: in a hypervisor that it does not know, as TCG, it believes in no processor to come.
        HostA.Virsh("setvcpus", guest.Name, "2", "--live");
        guest.WaitForReport(HostB, "three epochs later", Later(guest.WaitForState(HostB, "ready"), 3));
        listener.WaitForProgress();
        HostA.Kill();

        guest.WaitForDomainState(HostB, "running");
        listener.WaitForProgress();
        string xml = HostB.Virsh("dumpxml", guest.Name);
        Assert.Contains("52:54:00:77:02:01", xml, StringComparison.Ordinal);
        Assert.Contains("plugged.raw", xml, StringComparison.Ordinal);
        Assert.Equal("2 vda", SeenInside(guest));
        Assert.Equal(hash, guest.Run("md5sum </run/plugged/file"));
        Assert.Equal("2", HostB.Virsh("vcpucount", guest.Name, "--live", "--current").Trim());
    }

    private static Func<GuestReport, bool> Later(GuestReport before, ulong epochs) => report => report.State == "ready" && report.Epoch >= before.Epoch + epochs;

    private static string SeenInside(LabGuest guest) => guest.Run("echo $(ls -d /sys/class/net/eth* | wc -l) $(ls /sys/block | grep vd)");

    private void Attach(LabGuest guest, string device, string file)
    {
        File.WriteAllText(Path.Combine(Lab.SharedFolder, file), device);
        HostA.Virsh("attach-device", guest.Name, $"/srv/shared/{file}", "--live");
    }
}
