// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>What a replica's memory on the backup consists of, in bytes. The process that holds it takes some more.</summary>
/// <param name="PageBytes">Pages as they came over the link, compressed or raw.</param>
/// <param name="TableBytes">What is known of each page, and where its bytes are.</param>
/// <param name="DeviceBytes">Device state.</param>
/// <param name="DiskBytes">Disk writes that are not yet known to be in the images.</param>
public sealed record ReplicaParts(long PageBytes, long TableBytes, long DeviceBytes, long DiskBytes = 0);
