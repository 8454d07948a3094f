// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Ownership;

/// <summary>
/// What more than one program may claim. Pure: records in, records out. <c>docs/ownership.md</c> has every race.
/// </summary>
public static class OwnershipRules
{
    /// <summary>The owner goes on without its backup: the link is lost, its sidecar died, or protection is switched off. Null: it is not the owner.</summary>
    public static OwnershipRecord? RunAlone(OwnershipRecord? newest, string self) =>
        newest is { Ended: false } && newest.Owner == self
            ? newest with { Generation = newest.Generation + 1, ProtectedBy = null }
            : null;
}
