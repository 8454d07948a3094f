// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.PageStore;

/// <summary>What the committed checkpoint consists of, and what it costs this host.</summary>
/// <param name="ZeroPages">Pages of 4 KiB that are zero.</param>
/// <param name="FreePages">Pages the guest holds as free.</param>
/// <param name="DiskPages">Pages that are references to the guest's disks.</param>
/// <param name="HardPages">Pages whose bytes are kept.</param>
/// <param name="StoredBytes">Bytes of the committed hard pages as they are kept: as they came, compressed or raw, or in batches.</param>
/// <param name="ArenaBytes">Memory resident for stored bytes, the open epoch's included, counted by the store.</param>
/// <param name="TableBytes">Memory for page tables and for notes on the arena's slabs.</param>
/// <param name="DeviceStateBytes">Bytes of device state, the open epoch's included.</param>
/// <param name="ReadPages">Pages of files that the guest reads, by the primary's word: about; null: it has said nothing.</param>
internal readonly record struct ReplicaStatistics(
    long ZeroPages,
    long FreePages,
    long DiskPages,
    long HardPages,
    long StoredBytes,
    long ArenaBytes,
    long TableBytes,
    long DeviceStateBytes,
    long? ReadPages)
{
    /// <summary>What this guest's replica takes of the backup's memory, in bytes.</summary>
    public long ResidentBytes => ArenaBytes + TableBytes + DeviceStateBytes;
}
