// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Link;

/// <summary>What one session sent so far. The shipping thread counts; any thread reads a copy.</summary>
/// <param name="DirtyPages">Pages that capture handed over.</param>
/// <param name="HardPages">Of these, pages sent with their bytes.</param>
/// <param name="ZeroPages">Of these, pages found zero.</param>
/// <param name="FreePages">Pages the backup was told to drop because the guest holds them as free.</param>
/// <param name="StoredBytes">Bytes of the hard pages as sent, without those that went as deltas.</param>
/// <param name="OnDiskPages">Of the hard pages, those that a block of the guest's disks equals.</param>
/// <param name="DeltaPages">Of the hard pages, those of which only what changed was sent.</param>
internal readonly record struct ShippingCounters(long DirtyPages, long HardPages, long ZeroPages, long FreePages, long StoredBytes, long OnDiskPages, long DeltaPages);
