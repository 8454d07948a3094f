// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Disk.Buffer;
using Hikae.Sidecar.Disk.Content;

namespace Hikae.Sidecar.Disk.Primary;

/// <summary>A disk of the guest whose writes pass through this process.</summary>
/// <param name="Info">As the backup is told of it.</param>
/// <param name="Served">Its server.</param>
/// <param name="Buffer">What the server has not yet written to the image.</param>
/// <param name="Content">What its blocks are; null when nobody wants to know.</param>
internal sealed record InterposedDisk(DiskInfo Info, ServedDisk Served, EpochBuffer Buffer, DiskContent? Content);
