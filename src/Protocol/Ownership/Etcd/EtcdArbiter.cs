// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;

namespace Hikae.Protocol.Ownership.Etcd;

/// <summary>The arbiter for clusters that have an etcd (3.4 or later): one key per guest, changed only by transactions.</summary>
/// <remarks>
/// Theory of operation. <c>PREFIX UUID</c> holds the newest record's text (<see cref="OwnershipText"/>). A claim reads the key and puts the next
/// record on the condition that the key was not changed since (its mod_revision; for the first record, that it does not exist). etcd
/// orders all transactions, so no generation has two winners; reads are linearizable, the default, so that they see every claim won
/// before. A member without a quorum answers neither.
///
/// A request whose answer was lost may have been carried out, or may be later. Both are harmless: the condition lets it through at most once, and
/// a claimer that finds its own record in the key has won.
/// </remarks>
public sealed class EtcdArbiter : IArbiter, IDisposable
{
    private readonly EtcdGateway _gateway;
    private readonly string _prefix;

    /// <param name="gateway">How the cluster is reached; disposed with this object.</param>
    /// <param name="prefix">Of all keys of ours, for instance <c>/hikae/</c>.</param>
    public EtcdArbiter(EtcdGateway gateway, string prefix)
    {
        _gateway = gateway;
        _prefix = prefix;
    }

    /// <inheritdoc/>
    public OwnershipRecord? Read(Guid guest) => Parse(_gateway.Read(Key(guest)), guest);

    /// <inheritdoc/>
    public bool TryClaim(OwnershipRecord next, out OwnershipRecord? winner)
    {
        string text = OwnershipText.Write(next);
        string key = Key(next.Guest);
        EtcdValue? found = _gateway.Read(key);
        winner = Parse(found, next.Guest);
        if ((winner?.Generation ?? 0) < next.Generation - 1)
        {
            throw new ArbiterUnavailableException(
                $"{key} in etcd holds generation {winner?.Generation ?? 0}, but {next.Generation - 1} was read before: is it another cluster, or restored from a backup?");
        }
        if (winner is null || winner.Generation < next.Generation)
        {
            winner = _gateway.TryPut(key, found, text, out EtcdValue? newest) ? next : Parse(newest, next.Guest);
        }
        return winner is not null && winner.Generation >= next.Generation
            ? winner == next
            : throw new ArbiterUnavailableException($"{key} in etcd was deleted, or set back, while it was claimed.");
    }

    /// <inheritdoc/>
    public void Dispose() => _gateway.Dispose();

    private string Key(Guid guest) => _prefix + guest.ToString("D", CultureInfo.InvariantCulture);

    private OwnershipRecord? Parse(EtcdValue? found, Guid guest)
    {
        if (found is null)
        {
            return null;
        }
        return OwnershipText.TryRead(found.Text, out OwnershipRecord record, out string? reason) && record.Guest == guest
            ? record
            : throw new ArbiterUnavailableException($"{Key(guest)} in etcd is no record of this guest: {reason ?? "it belongs to another"}.");
    }
}
