// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Hikae.Sidecar.Disk.Graph;
using Xunit;

namespace Hikae.Disks.Tests;

/// <summary>What an administrator can ask of libvirt while disks are inserted.</summary>
public sealed class LibvirtOperationTests(DisksLab lab)
{
    private const string Images = "/srv/shared/guests/asked";

    // How libvirt asks QEMU about a disk of its own: vdb is raw, sdc is qcow2.
    private const string NoRaw = "internal error: failed to update capacity data for block node 'libvirt-3-storage'";
    private const string NoQcow2 = "internal error: failed to update capacity data for block node 'libvirt-2-format'";

    /// <summary>With what an administrator reads. No sentence of libvirt's names Hikae: docs/disk.md has each of them, and what to do.</summary>
    private static readonly (string[] Operation, string Says)[] Refused =
    [
        (["snapshot-create-as", "asked", "one", "--disk-only", "--no-metadata", "--diskspec", $"vdb,file={Images}/vdb.overlay", "--diskspec", "sdc,snapshot=no"], NoRaw),
        (["snapshot-create-as", "asked", "one", "--disk-only", "--no-metadata", "--diskspec", $"sdc,file={Images}/sdc.overlay", "--diskspec", "vdb,snapshot=no"], NoQcow2),
        (["blockcopy", "asked", "vdb", $"{Images}/vdb.copy", "--transient-job", "--wait", "--pivot"], NoRaw),
        (["blockcopy", "asked", "sdc", $"{Images}/sdc.copy", "--transient-job", "--wait", "--pivot"], NoQcow2),
        (["blockpull", "asked", "vdb", "--wait"], Unknown("block-stream", "device='libvirt-3-storage' nor node-name='libvirt-3-storage'")),
        (["blockpull", "asked", "sdc", "--wait"], Unknown("block-stream", "device='libvirt-2-format' nor node-name='libvirt-2-format'")),
        (["blockresize", "asked", "vdb", "40M"], Unknown("block_resize", "device='' nor node-name='libvirt-3-storage'")),
        (["blockresize", "asked", "sdc", "40M"], Unknown("block_resize", "device='' nor node-name='libvirt-2-format'")),
        (["backup-begin", "asked"], NoRaw),
        (["checkpoint-create-as", "asked", "three", "--diskspec", "vdb,checkpoint=no", "--diskspec", "sdc,checkpoint=bitmap"], Unknown("transaction", "device='libvirt-2-format' nor node-name='libvirt-2-format'")),
        (["domblkthreshold", "asked", "vdb", "1000"], "internal error: unable to execute QEMU command 'block-set-write-threshold': Device 'libvirt-3-storage' not found"),
        // As of any such guest: a raw disk holds neither, and these have no backing chain.
        (["snapshot-create-as", "asked", "two", "--diskspec", "vdb,snapshot=no"], "unsupported configuration: disk 'vdb' must use snapshot mode 'internal'"),
        (["checkpoint-create-as", "asked", "three"], "unsupported configuration: checkpoint for disk vdb unsupported for storage type raw"),
        (["blockcommit", "asked", "vdb", "--active", "--wait", "--pivot"], "invalid argument: could not find base image in chain for 'vdb'"),
        (["blockcommit", "asked", "sdc", "--active", "--wait", "--pivot"], "invalid argument: could not find base image in chain for 'sdc'"),
    ];

    private static readonly string[][] Harmless =
    [
        ["domblklist", "asked"], ["domblkinfo", "asked", "vdb"], ["domblkinfo", "asked", "sdc"], ["domblkstat", "asked", "vdb"], ["domblkstat", "asked", "sdc"],
        ["domstats", "asked"], ["domblkerror", "asked"], ["blkdeviotune", "asked", "vdb", "--total-iops-sec", "400"], ["blkdeviotune", "asked", "sdc", "--total-iops-sec", "400"],
        ["dump", "asked", "/srv/shared/asked.core", "--memory-only"], ["change-media", "asked", "sdz", "/srv/shared/medium.raw", "--insert"],
        ["change-media", "asked", "sdz", "--eject"], ["suspend", "asked"], ["resume", "asked"], ["reset", "asked"],
    ];

    [Fact]
    public void What_would_move_a_disk_away_fails_before_data_moves()
    {
        LabGuest guest = lab.Lab.StartGuest("asked", new LabGuestOptions
        {
            MemoryMiB = 128, App = "blocks", Append = "hikae.pace=30", Data = ["virtio,raw,16M", "scsi,qcow2,16M"],
            EditXml = xml => xml.Replace("</devices>", "<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><target dev='sdz' bus='sata'/><readonly/></disk></devices>", StringComparison.Ordinal),
        });
        using var disks = new GuestDisks(guest, lab.Lab.HostA);
        lab.Lab.HostA.Shell("truncate -s 4M /srv/shared/medium.raw");
        disks.WaitForGoodWork(2, 5);
        IReadOnlyList<GuestDisk> all = disks.Graph.Discover();
        string[] hashes = disks.Stopped(() =>
        {
            disks.InsertAll(all);
            return disks.ImageHashes(all);
        });
        string xml = lab.Lab.HostA.Virsh("dumpxml", "asked");

        Assert.All(Refused, refused =>
        {
            CommandResult result = lab.Lab.HostA.TryRun("virsh", ["-q", .. refused.Operation]);
            Assert.False(result.Succeeded, result.ToString());
            Assert.Contains(refused.Says, result.Errors, StringComparison.Ordinal);
        });

        Assert.Null(disks.Graph.Check());
        Assert.Equal(xml, lab.Lab.HostA.Virsh("dumpxml", "asked"));
        disks.WaitForGoodWork(2);

        Assert.All(Harmless, operation => lab.Lab.HostA.Virsh(operation));

        lab.Lab.HostA.RestartLibvirtd();
        Assert.Null(disks.Graph.Check());
        disks.WaitForRestart();
        disks.WaitForGoodWork(2);
        Assert.Equal(hashes, disks.ImageHashes(all));

        disks.Stopped(() => disks.RemoveAll(all));
        disks.WaitForGoodWork(2);
        lab.Lab.HostA.Virsh("snapshot-create-as", "asked", "one", "--disk-only", "--no-metadata", "--diskspec", $"vdb,file={Images}/vdb.overlay", "--diskspec", $"sdc,file={Images}/sdc.overlay");
        NotProtectableExceptionHas(disks, "disk vdb has a backing chain");
    }

    private static string Unknown(string command, string node) => $"internal error: unable to execute QEMU command '{command}': Cannot find {node}";

    private static void NotProtectableExceptionHas(GuestDisks disks, string reason) =>
        Assert.Contains(reason, Assert.Throws<Sidecar.NotProtectableException>(disks.Graph.Discover).Message, StringComparison.Ordinal);
}
