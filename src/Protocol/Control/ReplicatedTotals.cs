// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>What a session replicated so far. Counters: they only grow, until another session begins.</summary>
/// <param name="Checkpoints">Checkpoints that the backup acknowledged.</param>
/// <param name="DirtyBytes">Bytes of pages that were captured, the first copy of the whole guest included.</param>
/// <param name="WireBytes">Bytes given to the link, before TLS.</param>
public sealed record ReplicatedTotals(long Checkpoints, long DirtyBytes, long WireBytes);
