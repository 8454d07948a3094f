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
        "sata,raw,16M", "sata,qcow2,32M",
    ];

    // Options that must be the same before and after; a reopen would lose them.
    private static readonly (string Disk, string Plain, string Special)[] SpecialOptions =
    [
        ("data0.raw", "discard='unmap'", "discard='unmap' detect_zeroes='unmap' error_policy='stop'"),
        ("data2.raw", "cache='none'", "cache='unsafe'"),
        ("data3.qcow2", "cache='none'", "cache='directsync' io='native'"),
        ("data4.raw", "cache='none' discard='unmap'", "cache='writeback' io='threads'"),
        ("data5.qcow2", "discard='unmap'", "discard='unmap' detect_zeroes='on'"),
    ];

    [Fact]
    public void A_guest_notices_nothing_and_no_write_passes_by()
    {
        LabGuest guest = lab.Lab.StartGuest("kinds", new LabGuestOptions { MemoryMiB = 128, App = "blocks", Append = "hikae.pace=30", Data = Kinds, EditXml = WithSpecialOptions });
        using var disks = new GuestDisks(guest, lab.Lab.HostA);
        disks.WaitForGoodWork(Kinds.Length, 5);
        string[] options = disks.NodeOptions();
        string[] threads = disks.Threads();
        IReadOnlyList<GuestDisk> all = disks.Graph.Discover();
        Assert.Equal(Kinds.Length, all.Count);
        long[] lengths = [.. all.Select(disks.FileBytes)];

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

        Assert.Equal(threads, disks.Threads());

        // Clusters were added while inserted: they were read back as well after the removal, not as zeros.
        Assert.All(all.Zip(lengths).Where(pair => pair.First.Format == "qcow2"), pair => Assert.InRange(disks.FileBytes(pair.First), pair.Second + 1, long.MaxValue));

        lab.Lab.HostA.Virsh("destroy", guest.Name);
        Assert.All(all.Where(disk => disk.Format == "qcow2"), disk => lab.Lab.Client("qemu-img", "check", disk.ImagePath.Replace("/srv/shared", lab.Lab.SharedFolder, StringComparison.Ordinal)));
    }

    private static string WithSpecialOptions(string xml)
    {
        foreach ((string disk, string plain, string special) in SpecialOptions)
        {
            int source = xml.IndexOf(disk, StringComparison.Ordinal);
            int driver = xml.LastIndexOf("<driver", source, StringComparison.Ordinal);
            xml = xml[..driver] + xml[driver..source].Replace(plain, special, StringComparison.Ordinal) + xml[source..];
        }
        return xml.Replace("<target dev='vdc' bus='virtio'/>", "<target dev='vdc' bus='virtio'/><iotune><total_iops_sec>300</total_iops_sec></iotune>", StringComparison.Ordinal);
    }
}
