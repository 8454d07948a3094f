// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Replication;

/// <summary>A disk of the guest whose writes travel with its epochs.</summary>
/// <param name="Alias">QEMU's name of the device, as in the live domain XML: "virtio-disk0". "system.flash1": the variable store of its UEFI firmware.</param>
/// <param name="Image">Absolute path of the file or block device on the shared storage, the same on both hosts.</param>
/// <param name="Format">"raw" or "qcow2"; of a qcow2 file the bytes of the file are meant.</param>
/// <param name="ExportBytes">Size that the guest's QEMU is told; may exceed the image's.</param>
public sealed record DiskInfo(string Alias, string Image, string Format, long ExportBytes);
