// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Ledger.Checking;

/// <summary>What the ledger knows, as far as answers tell it: how many entries there are, and each account's newest number and balance.</summary>
public sealed class LedgerState : IEquatable<LedgerState>
{
    private readonly (int Account, long Sequence, long Balance)[] _accounts;
    private readonly int _hash;

    private LedgerState(long head, (int, long, long)[] accounts)
    {
        Head = head;
        _accounts = accounts;
        var hash = new HashCode();
        hash.Add(head);
        foreach ((int, long, long) account in accounts)
        {
            hash.Add(account);
        }

        _hash = hash.ToHashCode();
    }

    /// <summary>Nobody appended anything.</summary>
    public static LedgerState Empty { get; } = new(0, []);

    /// <summary>The position of the newest entry.</summary>
    public long Head { get; }

    /// <summary>An account's newest sequence number and balance; zeros when it has no entry.</summary>
    public (long Sequence, long Balance) this[int account]
    {
        get
        {
            (_, long sequence, long balance) = _accounts.FirstOrDefault(known => known.Account == account);
            return (sequence, balance);
        }
    }

    /// <summary>With one entry more.</summary>
    public LedgerState With(int account, long sequence, long balance) =>
        new(Head + 1, [.. _accounts.Where(known => known.Account != account).Append((account, sequence, balance)).Order()]);

    /// <inheritdoc/>
    public bool Equals(LedgerState? other) => other is not null && _hash == other._hash && Head == other.Head && _accounts.AsSpan().SequenceEqual(other._accounts);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as LedgerState);

    /// <inheritdoc/>
    public override int GetHashCode() => _hash;
}
