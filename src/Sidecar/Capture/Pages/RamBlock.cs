// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.Capture;

/// <summary>One of QEMU's RAM blocks and where it lies in QEMU's address space.</summary>
/// <param name="Info">What the backup must know of it.</param>
/// <param name="HostAddress">Address of its first byte in the QEMU process.</param>
internal readonly record struct RamBlock(RamBlockInfo Info, ulong HostAddress);
