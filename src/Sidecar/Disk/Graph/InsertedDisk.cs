// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Graph;

/// <summary>A disk whose place in QEMU's graph we have taken, or are about to take.</summary>
/// <param name="Disk">The disk, with libvirt's own nodes.</param>
/// <param name="SocketPath">Where our server answers, as QEMU names the path.</param>
internal sealed record InsertedDisk(GuestDisk Disk, string SocketPath);
