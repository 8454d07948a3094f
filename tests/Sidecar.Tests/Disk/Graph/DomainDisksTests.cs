// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Xml.Linq;
using Hikae.Sidecar.Disk.Graph;
using Xunit;

namespace Hikae.Sidecar.Tests.Disk.Graph;

public sealed class DomainDisksTests
{
    private const string Target = "<target dev='vda' bus='virtio'/><alias name='virtio-disk0'/>";
    private const string File = "<source file='/images/a'/>";

    [Theory]
    [InlineData($"<disk type='file' device='disk'><driver name='qemu' type='raw'/>{File}{Target}</disk>")]
    [InlineData($"<disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none' io='native' discard='unmap'/>{File}<backingStore/>{Target}<iotune><total_iops_sec>5</total_iops_sec></iotune></disk>")]
    [InlineData($"<disk type='block' device='disk'><driver name='qemu' type='raw'/><source dev='/dev/vg/a' index='1'/>{Target}</disk>")]
    [InlineData("<disk type='file' device='disk'><source file='/images/a'/><target dev='sda' bus='scsi'/></disk>")]
    [InlineData("<disk type='file' device='disk'><source file='/images/a'/><target dev='sda' bus='sata'/></disk>")]
    public void An_ordinary_disk_can_be_protected(string disk)
    {
        DomainDisk read = Assert.Single(DomainDisks.Read(XElement.Parse(Domain(disk))));

        Assert.False(read.IsLeftAlone);
        Assert.Null(read.Refusal);
        Assert.StartsWith("/", read.Source, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>")]
    [InlineData($"<disk type='network' device='cdrom'><source protocol='http' name='x'/>{Target}</disk>")]
    [InlineData($"<disk type='file' device='disk'><driver name='qemu' type='vmdk'/>{File}{Target}<readonly/></disk>")]
    public void What_the_guest_cannot_write_is_left_alone(string disk)
    {
        Assert.True(Assert.Single(DomainDisks.Read(XElement.Parse(Domain(disk)))).IsLeftAlone);
        Assert.Empty(DomainDisks.Refusals(XElement.Parse(Domain(disk))));
    }

    [Theory]
    [InlineData($"<disk type='network' device='disk'><source protocol='rbd' name='x'/>{Target}</disk>", "type network")]
    [InlineData($"<disk type='vhostuser' device='disk'>{Target}</disk>", "type vhostuser")]
    [InlineData($"<disk type='nvme' device='disk'>{Target}</disk>", "type nvme")]
    [InlineData($"<disk type='volume' device='disk'><source pool='p' volume='v'/>{Target}</disk>", "type volume")]
    [InlineData($"<disk type='file' device='disk'><driver name='qemu' type='vmdk'/>{File}{Target}</disk>", "format vmdk")]
    [InlineData($"<disk type='file' device='disk'>{File}{Target}<shareable/></disk>", "shared")]
    [InlineData($"<disk type='file' device='disk'>{File}{Target}<transient/></disk>", "transient")]
    [InlineData($"<disk type='file' device='disk'>{File}{Target}<encryption format='luks'/></disk>", "encrypted")]
    [InlineData($"<disk type='file' device='disk'><source file='/images/a'><encryption format='luks'/></source>{Target}</disk>", "encrypted")]
    [InlineData($"<disk type='file' device='disk'><source file='/images/a'><slices/></source>{Target}</disk>", "<slices>")]
    [InlineData($"<disk type='file' device='disk'><source file='/images/a'><dataStore/></source>{Target}</disk>", "<dataStore>")]
    [InlineData($"<disk type='file' device='disk'><source file='/images/a' fdgroup='f'/>{Target}</disk>", "descriptor")]
    [InlineData($"<disk type='file' device='disk'>{File}<backingStore type='file'><source file='/b'/></backingStore>{Target}</disk>", "backing chain")]
    [InlineData($"<disk type='file' device='disk'>{File}<mirror type='file'/>{Target}</disk>", "block job")]
    [InlineData($"<disk type='file' device='disk'>{File}<throttlefilters/>{Target}</disk>", "throttle filters")]
    [InlineData($"<disk type='file' device='disk'><driver name='qemu' copy_on_read='on'/>{File}{Target}</disk>", "copy_on_read")]
    [InlineData($"<disk type='file' device='disk'><driver name='qemu'><iothreads/></driver>{File}{Target}</disk>", "several I/O threads")]
    [InlineData($"<disk type='block' device='disk'><driver name='qemu' type='qcow2'/><source dev='/dev/a'/>{Target}</disk>", "qcow2 image on a block device")]
    [InlineData($"<disk type='block' device='lun'><source dev='/dev/a'/>{Target}</disk>", "is a lun")]
    [InlineData("<disk type='file' device='floppy'><target dev='fda' bus='fdc'/></disk>", "is a floppy")]
    [InlineData($"<disk type='file' device='disk'>{File}<target dev='vda' bus='usb'/></disk>", "bus usb")]
    [InlineData($"<disk type='file' device='disk'>{Target}</disk>", "has no image")]
    public void What_is_not_proven_is_refused_and_says_which_disk_and_why(string disk, string why)
    {
        string refusal = Assert.Single(DomainDisks.Refusals(XElement.Parse(Domain(disk))));

        Assert.Contains(why, refusal, StringComparison.Ordinal);
        Assert.Matches("^disk (vda|fda) ", refusal);
    }

    [Theory]
    [InlineData("<nvram template='/t'>/v.fd</nvram>", "raw")]
    [InlineData("<nvram format='qcow2'>/v.fd</nvram>", "qcow2")]
    [InlineData("<loader readonly='yes' type='pflash'>/f.fd</loader><nvram type='file' format='raw'><source file='/v.fd'><seclabel relabel='no'/></source></nvram>", "raw")]
    public void The_firmwares_variable_store_is_held_like_a_disk(string nvram, string format)
    {
        DomainDisk read = Assert.Single(DomainDisks.Read(XElement.Parse($"<domain><os>{nvram}</os></domain>")));

        Assert.Equal((FirmwareStore.Alias, "/v.fd", format, false, null), (read.Alias, read.Source, read.Format, read.IsLeftAlone, read.Refusal));
    }

    [Theory]
    [InlineData("<nvram type='network'><source protocol='iscsi' name='x'/></nvram>", "type network")]
    [InlineData("<nvram type='block'><source dev='/dev/a'/></nvram>", "type block")]
    [InlineData("<nvram format='vmdk'>/v.fd</nvram>", "format vmdk")]
    [InlineData("<nvram type='file'><source file='/v.fd'><encryption format='luks'/></source></nvram>", "<encryption>")]
    [InlineData("<nvram/>", "has no file")]
    [InlineData("<loader readonly='no' type='pflash'>/f.fd</loader>", "in one file with the firmware")]
    public void A_variable_store_that_is_not_proven_is_refused(string nvram, string why)
    {
        string refusal = Assert.Single(DomainDisks.Refusals(XElement.Parse($"<domain><os>{nvram}</os></domain>")));

        Assert.StartsWith("the UEFI variable store ", refusal, StringComparison.Ordinal);
        Assert.Contains(why, refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void A_scsi_disk_has_the_thread_of_its_controller()
    {
        string disks = "<controller type='scsi' index='0'/><controller type='scsi' index='1'><driver iothread='3'/></controller>"
            + Scsi(0) + Scsi(1);

        Assert.Equal([null, "iothread3"], DomainDisks.Read(XElement.Parse(Domain(disks))).Select(disk => disk.IoThread));
    }

    [Fact]
    public void Node_names_fit_into_QEMUs_31_characters()
    {
        var names = new NodeNames("ua-5a3f9f0e-6a0b-4c1c-9d4e-0a1b2c3d4e5f");

        Assert.All([names.Root, names.Nbd, names.Gap], name => Assert.InRange(name.Length, 8, 31));
        Assert.Equal("hikae-virtio-disk0-nbd", new NodeNames("virtio-disk0").Nbd);
        Assert.NotEqual(names.Root, new NodeNames("ua-5a3f9f0e-6a0b-4c1c-9d4e-0a1b2c3d4e60").Root);
    }

    [Theory]
    [InlineData("""{"status":"setup"}""", MigrationPhase.UnderWay)]
    [InlineData("""{"status":"pre-switchover"}""", MigrationPhase.UnderWay)]
    [InlineData("""{"status":"a-state-of-a-later-QEMU"}""", MigrationPhase.UnderWay)]
    [InlineData("""{"status":"completed"}""", MigrationPhase.Completed)]
    [InlineData("""{"status":"failed"}""", MigrationPhase.Ended)]
    [InlineData("""{"status":"cancelled"}""", MigrationPhase.Ended)]
    [InlineData("{}", MigrationPhase.None)]
    [InlineData("not JSON", MigrationPhase.UnderWay)]
    [InlineData(null, MigrationPhase.UnderWay)]
    internal void In_doubt_a_migration_is_under_way(string? details, MigrationPhase phase) => Assert.Equal(phase, MigrationStatus.Read(details));

    private static string Domain(string disks) => $"<domain><devices>{disks}</devices></domain>";

    private static string Scsi(int controller) =>
        $"<disk type='file' device='disk'><source file='/images/{controller}'/><target dev='sda' bus='scsi'/><address type='drive' controller='{controller}'/></disk>";
}
