// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Capture;

/// <summary>How much of a RAM block's chunks the guest reads, often and lately.</summary>
/// <param name="Block">Index of the RAM block in the guest's block list.</param>
/// <param name="Heat">A byte for each chunk of <see cref="Protocol.Replication.ReplicationLimits.PagesPerChunk"/> pages.</param>
internal readonly record struct ChunkReads(int Block, byte[] Heat);
