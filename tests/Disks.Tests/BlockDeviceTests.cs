// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Hikae.Sidecar.Disk.Graph;
using Xunit;

namespace Hikae.Disks.Tests;

/// <summary>A block device as a disk.</summary>
public sealed class BlockDeviceTests(DisksLab lab)
{
    [Fact]
    public void A_block_device_is_inserted_and_removed()
    {
        using var device = new LoopDevice(lab.Lab, "device", "16M");
        LabGuest guest = lab.Lab.StartGuest("device", new LabGuestOptions
        {
            MemoryMiB = 128, App = "blocks", Append = "hikae.pace=30", Data = ["virtio,raw,16M"],
            EditXml = xml => device.InPlaceOf("data0.raw", xml),
        });
        using var disks = new GuestDisks(guest, lab.Lab.HostA);
        disks.WaitForGoodWork(1, 5);
        string[] options = disks.NodeOptions();
        GuestDisk disk = Assert.Single(disks.Graph.Discover());
        Assert.True(disk.IsBlockDevice);
        Assert.Equal(16 << 20, disk.ExportBytes);

        disks.Stopped(() => disks.InsertAll([disk]));
        Assert.Null(disks.Graph.Check());
        disks.WaitForGoodWork(1);
        disks.Stopped(() => disks.RemoveAll([disk]));
        Assert.Equal(options, disks.NodeOptions());
        disks.WaitForGoodWork(1);
    }
}
