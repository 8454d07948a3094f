// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Ownership;

/// <summary>Who may run one guest. Records of a guest are numbered; only the newest counts.</summary>
/// <param name="Guest">The guest's libvirt UUID.</param>
/// <param name="Generation">1 for the first record, then one more each time. A generation is given away once.</param>
/// <param name="Owner">Name of the host that may run the guest and let its output out.</param>
/// <param name="ProtectedBy">Name of the backup that may claim the guest when it loses its link; null when none may.</param>
/// <param name="LeaseMs">
/// Milliseconds for which the owner may trust a reading of this record. A duration, measured by each side with its own monotonic
/// clock: no time of day is compared between hosts.
/// </param>
/// <param name="Ended">True when the guest was stopped in order, so that any host may start it.</param>
public sealed record OwnershipRecord(Guid Guest, long Generation, string Owner, string? ProtectedBy, int LeaseMs, bool Ended = false);
