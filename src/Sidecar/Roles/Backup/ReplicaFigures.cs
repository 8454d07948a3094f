// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Protocol.Control;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.PageStore;

namespace Hikae.Sidecar;

/// <summary>The replica in numbers, as of one moment on the receiving thread: the store itself is for that thread only.</summary>
/// <param name="Epoch">The committed epoch; 0 before the first.</param>
/// <param name="CommittedAt">When it was committed (Stopwatch ticks); 0 before the first.</param>
/// <param name="Parts">Memory that the replica takes.</param>
/// <param name="GuestBytes">Bytes of the guest's RAM blocks in the committed checkpoint.</param>
/// <param name="ZeroPages">Pages held as zero.</param>
/// <param name="FreePages">Pages held as free.</param>
/// <param name="DiskPages">Pages held as references to the guest's disks.</param>
/// <param name="ReadPages">Pages of files that the guest reads, by the primary's word; null: it has said nothing.</param>
internal sealed record ReplicaFigures(ulong Epoch, long CommittedAt, ReplicaParts Parts, long GuestBytes, long ZeroPages, long FreePages, long DiskPages, long? ReadPages)
{
    public static ReplicaFigures None { get; } = new(0, 0, new ReplicaParts(0, 0, 0), 0, 0, 0, 0, null);

    /// <summary>Of an epoch that has just been committed.</summary>
    public static ReplicaFigures Of(ulong epoch, IReadOnlyList<RamBlockInfo> blocks, ReplicaStatistics statistics, long diskBytes) => new(
        epoch,
        Stopwatch.GetTimestamp(),
        PartsOf(statistics, diskBytes),
        blocks.Sum(block => block.UsedBytes),
        statistics.ZeroPages,
        statistics.FreePages,
        statistics.DiskPages,
        statistics.ReadPages);

    public static ReplicaParts PartsOf(ReplicaStatistics statistics, long diskBytes) =>
        new(statistics.ArenaBytes, statistics.TableBytes, statistics.DeviceStateBytes, diskBytes);

    /// <summary>Bytes of pages that are neither zero nor free.</summary>
    public long UsedBytes => Math.Max(0, GuestBytes - ((ZeroPages + FreePages) * ReplicationLimits.PageBytes));

    /// <summary>Bytes of all parts.</summary>
    public long ReplicaBytes => Parts.PageBytes + Parts.TableBytes + Parts.DeviceBytes + Parts.DiskBytes;
}
