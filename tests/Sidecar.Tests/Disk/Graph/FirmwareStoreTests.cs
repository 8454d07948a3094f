// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Linux;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Disk.Graph;
using Xunit;

namespace Hikae.Sidecar.Tests.Disk.Graph;

/// <summary>/dev/shm stands for the shared storage here, and /var/tmp for a host's own.</summary>
public sealed class FirmwareStoreTests : IDisposable
{
    private readonly TemporaryFolder _shared = new("/dev/shm");
    private readonly TemporaryFolder _own = new("/var/tmp");

    public FirmwareStoreTests()
    {
        Assert.NotEqual(FileIdentity.Of("/dev/shm")!.Value.FileSystem, FileIdentity.Of("/var/tmp")!.Value.FileSystem);
        foreach (TemporaryFolder folder in (TemporaryFolder[])[_shared, _own])
        {
            File.WriteAllBytes(folder.File("store"), [0]);
            File.WriteAllBytes(folder.File("disk"), [0]);
        }
    }

    public void Dispose()
    {
        _shared.Dispose();
        _own.Dispose();
    }

    [Fact]
    public void A_guest_without_a_store_has_nothing_to_show() => FirmwareStore.Require("<domain><os><loader readonly='yes' type='pflash'>/f.fd</loader></os></domain>", null);

    [Fact]
    public void A_store_on_the_storage_of_a_disk_that_is_written_is_shared() =>
        FirmwareStore.Require(Guest(_shared.File("store"), Disk(_own.File("disk")) + Disk(_shared.File("disk"))), null);

    [Fact]
    public void A_store_on_the_storage_of_the_arbiter_is_shared() => FirmwareStore.Require(Guest(_shared.File("store"), ""), _shared.Path);

    [Theory]
    [InlineData("", null)]
    [InlineData("<readonly/>", null)]
    [InlineData("", "/nonexistent")]
    public void Else_it_is_refused_and_it_is_said_where_it_belongs(string readOnly, string? directory)
    {
        string disk = readOnly.Length == 0 ? _own.File("disk") : _shared.File("disk");

        string message = Refusal(Guest(_shared.File("store"), Disk(disk, readOnly)), directory);

        Assert.Equal(
            $"the UEFI variable store {_shared.File("store")} is not on the shared storage: with the guest off, move it to the storage of its disks{(directory is null ? "" : " or of " + directory)}, and name it in <nvram> (virsh edit)",
            message);
    }

    [Fact]
    public void One_that_was_deleted_or_cannot_be_held_is_refused_with_its_own_sentence()
    {
        Assert.Equal("the UEFI variable store /dev/shm/none was deleted: shut the guest down and start it again", Refusal(Guest("/dev/shm/none", Disk(_shared.File("disk"))), null));
        Assert.Equal("the UEFI variable store has no file", Refusal(Guest("", ""), null));
    }

    private static string Refusal(string guest, string? directory) => Assert.Throws<NotProtectableException>(() => FirmwareStore.Require(guest, directory)).Message;

    private static string Guest(string store, string disks) => $"<domain><os><nvram>{store}</nvram></os><devices>{disks}</devices></domain>";

    private static string Disk(string file, string more = "") => $"<disk type='file' device='disk'><source file='{file}'/><target dev='vda' bus='virtio'/>{more}</disk>";
}
