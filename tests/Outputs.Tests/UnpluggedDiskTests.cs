// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.Outputs.Tests;

/// <summary>A held disk that is taken away from the guest while its last writes are in no image.</summary>
public sealed partial class UnpluggedDiskTests(SlowDetectionLab lab) : BlocksTest(lab), IClassFixture<SlowDetectionLab>
{
    // A block of the guest's: its number, a sequence number, and more.
    private const int BlockBytes = 4096;

    [Fact]
    public void Writes_to_a_disk_that_was_unplugged_while_no_sidecar_lived_are_in_its_image()
    {
        LabGuest guest = StartBlocks("unplugged");
        WaitForOperations(guest, HostA);

        // Nothing is committed any more, so everything from here on is in the buffer alone.
        HostB.Freeze();
        ulong frozen = Said(guest);
        Lab.Until("the guest has written more", () => Said(guest) > frozen + 150);
        HostA.Shell($"kill -KILL $(cat /run/hikaed.pid) {guest.SidecarOn(HostA)}; setsid virsh detach-disk {guest.Name} sdc --live >/run/detach.log 2>&1 </dev/null &");
        ulong before = InImage(guest);
        HostA.StartHikaed();
        Lab.Until("libvirt has unplugged it", () => !HostA.Virsh("domblklist", guest.Name).Contains("sdc", StringComparison.Ordinal));
        HostB.Thaw();
        guest.WaitForProtected(HostA);

        Assert.True(before < frozen + 100, "nothing was held");
        Assert.True(InImage(guest) > frozen + 100, $"the image ends at {InImage(guest)}, the guest had written {frozen + 150}");
        Assert.Empty(ScsiBuffer(guest));
    }

    [Fact]
    public void A_guest_is_protected_again_when_one_of_its_disks_was_unplugged_and_deleted()
    {
        LabGuest guest = StartBlocks("unplugged-live");
        WaitForOperations(guest, HostA);

        HostA.Virsh("detach-disk", guest.Name, "sdc", "--live");
        File.Delete(Path.Combine(guest.SharedFolder, "data1.raw"));

        Lab.Until("its buffer is dropped", () => ScsiBuffer(guest).Length == 0);
        guest.WaitForProtected(HostA);
    }

    private string ScsiBuffer(LabGuest guest) => HostA.Shell($"ls /run/hikae | grep '{guest.Uuid}.*scsi.*buffer' || true");

    /// <summary>The newest sequence number that the guest gave out for the disk, by its own word.</summary>
    private ulong Said(LabGuest guest) =>
        ulong.Parse(Report().Matches(guest.SerialOn(HostA))[^1].Groups["sequence"].Value, CultureInfo.InvariantCulture);

    private static ulong InImage(LabGuest guest)
    {
        byte[] image = File.ReadAllBytes(Path.Combine(guest.SharedFolder, "data1.raw"));
        return Enumerable.Range(0, image.Length / BlockBytes).Max(block => MemoryMarshal.Read<ulong>(image.AsSpan((block * BlockBytes) + sizeof(ulong))));
    }

    [GeneratedRegex(@"^blocks ok sda ops \d+ writes (?<sequence>\d+) ", RegexOptions.Multiline)]
    private static partial Regex Report();
}
