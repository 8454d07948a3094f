// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Graph;

/// <summary>A device of QEMU that has a medium.</summary>
/// <param name="Alias">libvirt's name of it; empty if it has none.</param>
/// <param name="Node">The node it reads and writes.</param>
/// <param name="IsReadOnly">The guest cannot write it.</param>
internal readonly record struct BlockDevice(string Alias, string Node, bool IsReadOnly);
