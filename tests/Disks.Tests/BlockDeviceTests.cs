// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness;
using Hikae.Harness.Labs;
using Hikae.Sidecar.Disk.Graph;
using Xunit;

namespace Hikae.Disks.Tests;

/// <summary>A block device as a disk: a loop device that the kernel takes away by itself when nobody has it open any more.</summary>
public sealed class BlockDeviceTests(DisksLab lab)
{
    [Fact]
    public void A_block_device_is_inserted_and_removed()
    {
        Requires.Command("losetup");
        lab.Lab.HostA.Shell("truncate -s 16M /srv/shared/device.raw");
        // Nodes of our own: libvirt changes their owner, and the machine's /dev is not ours.
        CommandResult attached = lab.Lab.HostA.TryRun(
            "bash",
            "-c",
            """
            cd /srv/shared
            for minor in 7 6 5 4 3 2 1 0; do
                rm -f device && mknod device b 7 $minor && losetup /srv/shared/device device.raw && exit
            done
            exit 1
            """);
        Assert.SkipUnless(attached.Succeeded, "needs a loop device");
        try
        {
            LabGuest guest = lab.Lab.StartGuest("device", new LabGuestOptions
            {
                MemoryMiB = 128, App = "blocks", Append = "hikae.pace=30", Data = ["virtio,raw,16M"],
                EditXml = xml => xml.Replace("type='file' device='disk'", "type='block' device='disk'", StringComparison.Ordinal)
                    .Replace("<source file='/srv/shared/guests/device/data0.raw'/>", "<source dev='/srv/shared/device'/>", StringComparison.Ordinal),
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
        finally
        {
            lab.Lab.HostA.Shell("losetup --detach /srv/shared/device");
        }
    }
}
