// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Hikae.Sidecar.Disk.Graph;
using Xunit;

namespace Hikae.Disks.Tests;

/// <summary>Disks of every kind that is supported, in and out, while their guest checks every block it reads.</summary>
public sealed class InsertionTests(DisksLab lab)
{
    private static readonly string[] Kinds =
    [
        "virtio,raw,16M", "virtio,qcow2,32M", "virtio,raw,16M,iothread", "virtio,qcow2,32M,iothread",
        "scsi,raw,16M", "scsi,qcow2,32M", "scsi,raw,16M,iothread", "scsi,qcow2,32M,iothread",
    ];

    [Fact]
    public void A_guest_notices_nothing_and_no_write_passes_by()
    {
        LabGuest guest = lab.Lab.StartGuest("kinds", new LabGuestOptions { MemoryMiB = 128, App = "blocks", Append = "hikae.pace=30", Data = Kinds });
        using var disks = new GuestDisks(guest, lab.Lab.HostA);
        disks.WaitForGoodWork(Kinds.Length, 5);
        string[] options = disks.NodeOptions();
        IReadOnlyList<GuestDisk> all = disks.Graph.Discover();
        Assert.Equal(Kinds.Length, all.Count);

        for (int round = 0; round < 3; round++)
        {
            string[] hashes = disks.Stopped(() =>
            {
                disks.InsertAll(all);
                return disks.ImageHashes(all);
            });
            Assert.All(all, disk => Assert.True(disks.Graph.IsInserted(disk)));
            Assert.All(disks.NodeOptions(), node => Assert.StartsWith("hikae-", node, StringComparison.Ordinal));
            Assert.Null(disks.Graph.Check());
            disks.WaitForGoodWork(Kinds.Length);
            Assert.Equal(hashes, disks.ImageHashes(all));
            Assert.All(all, disk => Assert.NotEqual(0, disks.ServerOf(disk).Writes));

            disks.Stopped(() => disks.RemoveAll(all));
            Assert.Equal(options, disks.NodeOptions());
            disks.WaitForGoodWork(Kinds.Length);
        }

        lab.Lab.HostA.Virsh("destroy", guest.Name);
        Assert.All(all.Where(disk => disk.Format == "qcow2"), disk => lab.Lab.Client("qemu-img", "check", disk.ImagePath.Replace("/srv/shared", lab.Lab.SharedFolder, StringComparison.Ordinal)));
    }
}
