// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>What a session replicated so far. Counters: they only grow, until another session begins.</summary>
/// <param name="Checkpoints">Checkpoints that the backup acknowledged.</param>
/// <param name="DirtyBytes">Bytes of pages that were captured, the first copy of the whole guest included.</param>
/// <param name="WireBytes">Bytes given to the link, before TLS.</param>
/// <param name="DeltaBytes">Of the dirty bytes, those of pages of which only what changed was sent.</param>
public sealed record ReplicatedTotals(long Checkpoints, long DirtyBytes, long WireBytes, long DeltaBytes = 0);
