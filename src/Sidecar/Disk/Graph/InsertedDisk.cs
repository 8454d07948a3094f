// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Linux;

namespace Hikae.Sidecar.Disk.Graph;

/// <summary>A disk whose place in QEMU's graph we have taken, or are about to take.</summary>
/// <param name="Disk">The disk, with libvirt's own nodes.</param>
/// <param name="SocketPath">Where our server answers, as QEMU names the path.</param>
/// <param name="ImageOwner">Whom libvirt had given the image to, so that QEMU can open it.</param>
/// <param name="Inode">Of the image, by which one that was put in its place is known; null: not known.</param>
internal sealed record InsertedDisk(GuestDisk Disk, string SocketPath, FileOwner ImageOwner, ulong? Inode = null);
