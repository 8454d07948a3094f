// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Replication;

/// <summary>Backup to primary, after Yielded: whether the guest runs on the backup now.</summary>
/// <param name="Ok">True when it runs there: the primary destroys its paused guest.</param>
/// <param name="Reason">Why not, in a sentence, when false: the primary lets its guest go on, if the ownership record says so.</param>
public sealed record Recovered(bool Ok, string? Reason);
