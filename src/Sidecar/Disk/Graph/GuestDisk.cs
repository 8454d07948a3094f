// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json.Serialization;

namespace Hikae.Sidecar.Disk.Graph;

/// <summary>A writable disk of a running guest, with all that is needed to put our node in its place and libvirt's own nodes back.</summary>
/// <param name="Alias">libvirt's name of the device, "virtio-disk0", or <see cref="FirmwareStore.Alias"/>. Stays as long as the device is plugged in.</param>
/// <param name="Target">The administrator's name of it, "vda".</param>
/// <param name="ImagePath">The image on this host.</param>
/// <param name="Format">"raw" or "qcow2".</param>
/// <param name="IsBlockDevice">The image is a block device, else a file.</param>
/// <param name="ExportBytes">
/// What the NBD server says its size is. Raw: exactly the disk's. qcow2: more than the file can grow to, because an NBD export cannot
/// grow, and QEMU aborts when it reads past the end of one.
/// </param>
/// <param name="VirtualBytes">The disk's size as the guest sees it.</param>
/// <param name="IoThread">QEMU's name of the I/O thread that serves it; null = QEMU's main thread.</param>
/// <param name="Nodes">libvirt's own nodes as options of blockdev-add, each after those it stands on: the last is the device's.</param>
internal sealed record GuestDisk(
    string Alias,
    string Target,
    string ImagePath,
    string Format,
    bool IsBlockDevice,
    long ExportBytes,
    long VirtualBytes,
    string? IoThread,
    IReadOnlyList<string> Nodes)
{
    /// <summary>It is no disk: see <see cref="FirmwareStore"/>.</summary>
    [JsonIgnore]
    public bool IsFirmwareStore => Alias == FirmwareStore.Alias;

    /// <summary>As sentences for its administrator begin.</summary>
    [JsonIgnore]
    public string Called => FirmwareStore.Call(Alias, Target);
}
