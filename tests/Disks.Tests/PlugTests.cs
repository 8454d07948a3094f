// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json.Nodes;
using Hikae.Harness.Labs;
using Hikae.Sidecar.Disk.Graph;
using Xunit;

namespace Hikae.Disks.Tests;

/// <summary>Disks that come and go while the guest runs.</summary>
public sealed class PlugTests(DisksLab lab)
{
    private const string Plugged = """
        <disk type='file' device='disk'>
          <driver name='qemu' type='qcow2' cache='none' discard='unmap' detect_zeroes='unmap'/>
          <source file='/srv/shared/plugged.qcow2'/>
          <target dev='vdx' bus='virtio'/>
        </disk>
        """;

    private static readonly string FreeSlots =
        "<controller type='pci' index='0' model='pcie-root'/>" + string.Concat(Enumerable.Repeat("<controller type='pci' model='pcie-root-port'/>", 12));

    [Fact]
    public void A_disk_that_is_plugged_in_is_noticed_inserted_and_forgotten()
    {
        LabGuest guest = lab.Lab.StartGuest("plug", new LabGuestOptions
        {
            MemoryMiB = 128, App = "blocks", Append = "hikae.pace=30", Data = ["virtio,raw,16M", "scsi,qcow2,16M"],
            EditXml = xml => xml.Replace("</devices>", FreeSlots + "</devices>", StringComparison.Ordinal),
        });
        using var disks = new GuestDisks(guest, lab.Lab.HostA);
        disks.WaitForGoodWork(2, 5);
        IReadOnlyList<GuestDisk> cold = disks.Graph.Discover();
        Assert.All(cold.Zip(disks.DiscoverWithoutCommandLine()), pair => AssertSameOptions(pair.First, pair.Second));
        Assert.Equal(GraphChangeKind.Added, disks.Graph.Check()?.Kind);
        disks.Stopped(() => disks.InsertAll(cold));
        Assert.Null(disks.Graph.Check());

        File.WriteAllText(Path.Combine(lab.Lab.SharedFolder, "plugged.xml"), Plugged);
        lab.Lab.Client("qemu-img", "create", "-q", "-f", "qcow2", Path.Combine(lab.Lab.SharedFolder, "plugged.qcow2"), "16M");
        lab.Lab.HostA.Virsh("attach-device", "plug", "/srv/shared/plugged.xml");
        Assert.Equal(GraphChangeKind.Added, disks.Graph.Check()?.Kind);
        string[] options = disks.NodeOptions();
        disks.WaitForGoodWork(3, 5);
        GuestDisk hot = Assert.Single(disks.Graph.Discover(), disk => disk.Target == "vdx");
        disks.Stopped(() => disks.InsertAll([hot]));
        Assert.Null(disks.Graph.Check());
        disks.WaitForGoodWork(3);

        disks.Stopped(() => disks.RemoveAll([hot]));
        Assert.Equal(options, disks.NodeOptions());
        disks.WaitForGoodWork(3);
        disks.Stopped(() => disks.InsertAll([hot]));
        lab.Lab.HostA.Virsh("detach-disk", "plug", "vdx");
        lab.Lab.Until("the unplugged disk is missed", () => disks.Graph.Check()?.Kind == GraphChangeKind.Removed);
        disks.ServerOf(hot).PassThrough();
        disks.Graph.Forget(hot);
        Assert.Null(disks.Graph.Check());
        Assert.DoesNotContain(disks.NodeOptions(), node => node.Contains(hot.Alias, StringComparison.Ordinal));

        disks.Stopped(() => disks.RemoveAll(cold));
        disks.WaitForGoodWork(2);
    }

    private static void AssertSameOptions(GuestDisk commandLine, GuestDisk putTogether) =>
        Assert.All(commandLine.Nodes.Zip(putTogether.Nodes), pair =>
            Assert.True(JsonNode.DeepEquals(JsonNode.Parse(pair.First), JsonNode.Parse(pair.Second)), $"{pair.First}\n{pair.Second}"));
}
