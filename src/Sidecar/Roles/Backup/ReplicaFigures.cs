// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Control;
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar;

/// <summary>The replica in numbers, as of one moment on the receiving thread: the store itself is for that thread only.</summary>
/// <param name="Epoch">The committed epoch; 0 before the first.</param>
/// <param name="CommittedAt">When it was committed (Stopwatch ticks); 0 before the first.</param>
/// <param name="Parts">Memory that the replica takes.</param>
/// <param name="GuestBytes">Bytes of the guest's RAM blocks in the committed checkpoint.</param>
/// <param name="ZeroPages">Pages held as zero.</param>
/// <param name="FreePages">Pages held as free.</param>
/// <param name="DiskPages">Pages held as references to the guest's disks.</param>
internal sealed record ReplicaFigures(ulong Epoch, long CommittedAt, ReplicaParts Parts, long GuestBytes, long ZeroPages, long FreePages, long DiskPages)
{
    public static ReplicaFigures None { get; } = new(0, 0, new ReplicaParts(0, 0, 0), 0, 0, 0, 0);

    /// <summary>Bytes of pages that are neither zero nor free.</summary>
    public long UsedBytes => Math.Max(0, GuestBytes - ((ZeroPages + FreePages) * ReplicationLimits.PageBytes));

    /// <summary>Bytes of all parts.</summary>
    public long ReplicaBytes => Parts.PageBytes + Parts.TableBytes + Parts.DeviceBytes + Parts.DiskBytes;
}
