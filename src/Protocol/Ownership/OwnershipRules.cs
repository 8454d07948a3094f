// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Ownership;

/// <summary>
/// Who may claim what, and what a record means. Pure: records in, records and verdicts out. <c>docs/ownership.md</c> has every race.
/// </summary>
public static class OwnershipRules
{
    /// <summary>
    /// How much later than the primary the backup claims when the link is lost. A primary that lives should win: its guest
    /// then goes on without a failover. It may be lost when both were late by different amounts: whoever wins, one goes on.
    /// </summary>
    /// <param name="detect">Silence after which a link is lost.</param>
    public static TimeSpan BackupDelay(TimeSpan detect) =>
        TimeSpan.FromMilliseconds(Math.Clamp(detect.TotalMilliseconds / 2, 100, 2000));

    /// <summary>
    /// The primary holds a first committed checkpoint on <paramref name="backup"/>. Null: another host owns the guest and did not end it,
    /// so nothing may be claimed.
    /// </summary>
    public static OwnershipRecord? Protect(OwnershipRecord? newest, Guid guest, string self, string backup, int leaseMs)
    {
        if (string.Equals(self, backup, StringComparison.Ordinal))
        {
            throw new ArgumentException($"{self} cannot be its own backup.", nameof(backup));
        }
        return newest is null || newest.Owner == self || newest.Ended
            ? new OwnershipRecord(guest, (newest?.Generation ?? 0) + 1, self, backup, leaseMs)
            : null;
    }

    /// <summary>The owner goes on without its backup: the link is lost, its sidecar died, or protection is switched off. Null: it is not the owner.</summary>
    public static OwnershipRecord? RunAlone(OwnershipRecord? newest, string self) =>
        newest is { Ended: false } && newest.Owner == self
            ? newest with { Generation = newest.Generation + 1, ProtectedBy = null }
            : null;

    /// <summary>The guest was stopped in order and its writes are drained. Null: it is not the owner.</summary>
    public static OwnershipRecord? End(OwnershipRecord? newest, string self) =>
        newest is { Ended: false } && newest.Owner == self
            ? newest with { Generation = newest.Generation + 1, ProtectedBy = null, Ended = true }
            : null;

    /// <summary>The backup wants the guest. Null: it may not have it with this replica.</summary>
    /// <param name="newest">The newest record.</param>
    /// <param name="self">The backup's host name.</param>
    /// <param name="replicaGeneration">
    /// The generation the backup read when this replica first was whole. A newer one, even if it names this host again, is about another replica:
    /// the guest ran on alone in between, and what it told the world then is not in this one.
    /// </param>
    public static OwnershipRecord? TakeOver(OwnershipRecord? newest, string self, long replicaGeneration) =>
        BackupMeaning(newest, self, replicaGeneration) == BackupVerdict.Wait
            ? newest! with { Generation = newest.Generation + 1, Owner = self, ProtectedBy = null }
            : null;

    /// <summary>True when the backup sees that it protects the primary: only then is its replica of use.</summary>
    public static bool SeesItselfAsBackup(OwnershipRecord? newest, string self, string primary) =>
        newest is { Ended: false } && newest.Owner == primary && newest.ProtectedBy == self;

    /// <summary>What a record, read or won by somebody, means for the host that runs the guest.</summary>
    /// <param name="newest">The newest record.</param>
    /// <param name="self">The host's name.</param>
    /// <param name="knownGeneration">The highest generation this host has seen of the guest.</param>
    public static OwnerVerdict OwnerMeaning(OwnershipRecord? newest, string self, long knownGeneration) => newest switch
    {
        null => OwnerVerdict.Hold,
        _ when newest.Generation < knownGeneration => OwnerVerdict.Hold,
        { Ended: false } when newest.Owner == self => OwnerVerdict.Continue,
        _ => OwnerVerdict.Stop,
    };

    /// <summary>What a record, read or won by somebody, means for the host that holds a replica.</summary>
    /// <inheritdoc cref="TakeOver"/>
    public static BackupVerdict BackupMeaning(OwnershipRecord? newest, string self, long replicaGeneration) => newest switch
    {
        null => BackupVerdict.Hold,
        _ when newest.Generation < replicaGeneration => BackupVerdict.Hold,
        { Ended: true } => BackupVerdict.Drop,
        _ when newest.Owner == self && newest.Generation == replicaGeneration + 1 => BackupVerdict.Recover,
        _ when newest.ProtectedBy == self && newest.Generation == replicaGeneration => BackupVerdict.Wait,
        _ => BackupVerdict.Drop,
    };
}
