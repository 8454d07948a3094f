// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Xml.Linq;

namespace Hikae.Sidecar.Disk.Graph;

/// <summary>One disk as the live domain XML describes it.</summary>
/// <param name="Target">"vda".</param>
/// <param name="Bus">"virtio", "scsi", "sata" or another; "?" when it has none.</param>
/// <param name="Alias">libvirt's name of the device; empty when it has none.</param>
/// <param name="IsLeftAlone">The guest cannot write it: nothing to do.</param>
/// <param name="Refusal">Why it cannot be protected, without the disk's name; null = nothing in the XML is in the way.</param>
/// <param name="Format">"raw" or "qcow2".</param>
/// <param name="Source">The image; empty = none.</param>
/// <param name="IsBlockDevice">The image is a block device.</param>
/// <param name="IoThread">QEMU's name of the I/O thread that serves it; null = none.</param>
/// <param name="Driver">The driver element, empty if there is none.</param>
internal sealed record DomainDisk(
    string Target,
    string Bus,
    string Alias,
    bool IsLeftAlone,
    string? Refusal,
    string Format,
    string Source,
    bool IsBlockDevice,
    string? IoThread,
    XElement Driver)
{
    /// <summary>It is no disk: see <see cref="FirmwareStore"/>.</summary>
    public bool IsFirmwareStore => Alias == FirmwareStore.Alias;

    /// <summary>As sentences for its administrator begin.</summary>
    public string Called => FirmwareStore.Call(Alias, Target);
}
