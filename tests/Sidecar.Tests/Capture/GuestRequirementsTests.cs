// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Annotation;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;
using Xunit;

namespace Hikae.Sidecar.Tests.Capture;

public sealed class GuestRequirementsTests
{
    private const string Disk = "<disk type='file' device='disk'><source file='/srv/g.qcow2'/><target dev='vda' bus='virtio'/></disk>";
    private const string Nic = "<interface type='network'><mac address='52:54:00:00:00:01'/><target dev='vnet0'/><model type='virtio'/><driver name='qemu'/></interface>";

    [Fact]
    public void A_plain_guest_with_outputs_unheld_is_accepted() => GuestRequirements.Check(Domain(Disk + Nic), GuestOutputs.Unheld, hasVhostNet: true);

    [Fact]
    public void A_guest_without_writable_disks_and_connected_NICs_is_accepted_with_outputs_held() =>
        GuestRequirements.Check(
            Domain(
                "<disk type='file' device='disk'><target dev='vda'/><readonly/></disk>"
                + "<disk type='file' device='cdrom'><target dev='sda'/></disk>"
                + "<interface type='user'><model type='e1000e'/><link state='down'/></interface>"),
            GuestOutputs.Held,
            hasVhostNet: true);

    [Theory]
    [InlineData("<hostdev mode='subsystem' type='pci'/>", "hostdev: a passed-through host device")]
    [InlineData("<filesystem type='mount'/>", "filesystem: a shared file system")]
    [InlineData("<tpm model='tpm-crb'/>", "tpm: a TPM")]
    [InlineData("<shmem name='x'/>", "shmem: shared memory")]
    [InlineData("<redirdev bus='usb'/>", "redirdev: a redirected USB device")]
    [InlineData("<smartcard mode='host'/>", "smartcard: a smart card")]
    [InlineData("<vsock model='virtio'/>", "vsock: a vsock")]
    [InlineData("<crypto model='virtio'/>", "crypto: a virtio crypto device")]
    [InlineData("<interface type='vhostuser'><target dev='vhu0'/></interface>", "interface vhu0 of type vhostuser")]
    [InlineData("<interface type='vdpa'><mac address='52:54:00:00:00:02'/></interface>", "interface 52:54:00:00:00:02 of type vdpa")]
    [InlineData("<interface type='hostdev'/>", "interface ? of type hostdev")]
    [InlineData("<disk type='vhostuser' device='disk'><target dev='vdb'/></disk>", "disk vdb writes guest memory")]
    [InlineData("<disk type='vhostvdpa' device='disk'><target dev='vdb'/></disk>", "disk vdb writes guest memory")]
    [InlineData("<disk type='nvme' device='disk'><target dev='vdb'/></disk>", "disk vdb writes guest memory")]
    [InlineData("<memory model='nvdimm'/>", "memory of model nvdimm")]
    public void A_device_that_no_checkpoint_can_hold_is_refused_whatever_the_outputs(string device, string sentence)
    {
        Assert.Contains(sentence, Refusal(Domain(device), GuestOutputs.Unheld), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("<os><varstore path='/v.json'/></os>", "varstore")]
    [InlineData("<memoryBacking><hugepages/></memoryBacking>", "huge pages")]
    [InlineData("<os><type arch='aarch64'>hvm</type></os>", "architecture aarch64")]
    [InlineData("<launchSecurity type='sev'/>", "encrypted memory")]
    [InlineData("<memoryBacking><locked/></memoryBacking><devices><memory model='dimm'/></devices>", "locked memory")]
    public void A_guest_that_is_not_proven_to_work_is_refused(string element, string sentence)
    {
        Assert.Contains(sentence, Refusal($"<domain type='qemu'>{element}</domain>", GuestOutputs.Unheld), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("<os><nvram>/v.fd</nvram></os>", true)]
    [InlineData("<devices><disk device='disk'><source file='/a'/><target dev='sda' bus='sata'/></disk></devices>", true)]
    [InlineData("<devices><disk device='cdrom'><target dev='sda' bus='sata'/></disk><disk device='disk'><source file='/a'/><target dev='vda' bus='virtio'/></disk></devices>", false)]
    public void A_backup_of_the_version_before_cannot_take_over_every_disk(string devices, bool isNew)
    {
        string guest = $"<domain>{devices}</domain>";
        var older = new Welcome(ReplicationVersion.WithMoreDisks - 1, "hostB", 500);
        GuestRequirements.CheckBackup(guest, GuestOutputs.Held, older with { Version = ReplicationVersion.WithMoreDisks });
        GuestRequirements.CheckBackup(guest, GuestOutputs.Unheld, older);

        string? refusal = Record.Exception(() => GuestRequirements.CheckBackup(guest, GuestOutputs.Held, older))?.Message;

        Assert.Equal(isNew ? "hostB has an older Hikae, which cannot take over SATA disks and UEFI variable stores: upgrade it" : null, refusal);
    }

    [Fact]
    public void Disks_and_interfaces_whose_output_can_be_held_are_accepted() => GuestRequirements.Check(Domain(Disk + Nic), GuestOutputs.Held, hasVhostNet: true);

    [Fact]
    public void An_interface_with_several_queues_cannot_be_held()
    {
        string several = Nic.Replace("<driver name='qemu'/>", "<driver name='qemu' queues='4'/>", StringComparison.Ordinal);

        Assert.Contains("interface vnet0 has 4 queues", Refusal(Domain(several), GuestOutputs.Held), StringComparison.Ordinal);
        GuestRequirements.Check(Domain(several), GuestOutputs.Unheld, hasVhostNet: true);
    }

    [Fact]
    public void Everything_in_the_way_is_named_at_once()
    {
        string refusal = Refusal(Domain("<tpm/><hostdev/>"), GuestOutputs.Unheld);

        Assert.Contains("tpm:", refusal, StringComparison.Ordinal);
        Assert.Contains("hostdev:", refusal, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("virtio")]
    [InlineData("virtio-transitional")]
    [InlineData("virtio-non-transitional")]
    public void A_virtio_NIC_that_vhost_net_may_serve_is_refused(string model)
    {
        string nic = $"<interface type='network'><target dev='vnet1'/><model type='{model}'/></interface>";

        Assert.Equal(
            "interface vnet1 may be served by vhost-net, which writes guest memory where writes are not seen: give it <driver name='qemu'/>",
            Refusal(Domain(nic), GuestOutputs.Unheld));
        GuestRequirements.Check(Domain(nic), GuestOutputs.Unheld, hasVhostNet: false);
        GuestRequirements.Check(Domain(nic.Replace("</interface>", "<driver name='qemu'/></interface>", StringComparison.Ordinal)), GuestOutputs.Unheld, hasVhostNet: true);
    }

    [Theory]
    [InlineData("<domain>")]
    [InlineData("")]
    [InlineData("<!DOCTYPE d [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><domain>&e;</domain>")]
    public void Text_that_is_no_domain_is_refused_with_a_sentence(string xml)
    {
        Assert.Contains("the domain XML cannot be read", Refusal(xml, GuestOutputs.Unheld), StringComparison.Ordinal);
    }

    [Fact]
    public void An_endless_domain_is_refused_by_its_length()
    {
        Assert.Contains("the limit is", Refusal(new string(' ', (1024 * 1024) + 1), GuestOutputs.Unheld), StringComparison.Ordinal);
    }

    private static string Domain(string devices) =>
        $"<domain type='qemu'><name>g</name><os><type arch='x86_64'>hvm</type></os><devices>{devices}</devices></domain>";

    private static string Refusal(string xml, GuestOutputs outputs) =>
        Assert.Throws<NotProtectableException>(() => GuestRequirements.Check(xml, outputs, hasVhostNet: true)).Message;
}
