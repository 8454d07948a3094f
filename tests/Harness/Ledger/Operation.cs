// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Ledger;

/// <summary>One operation as its client saw it from outside.</summary>
/// <remarks>
/// An append that was asked again after a broken connection is one operation, from the first time it was asked until it was answered: the
/// ledger takes a sequence number once. Without an answer its outcome is unknown; it may have happened, or happen later, or never.
/// </remarks>
public sealed record Operation
{
    /// <summary>Append or read.</summary>
    public required OperationKind Kind { get; init; }

    /// <summary>The client that asked.</summary>
    public required int Client { get; init; }

    /// <summary>The account: for an append the client's own.</summary>
    public required int Account { get; init; }

    /// <summary>When it was first asked, in ticks of Stopwatch.</summary>
    public required long InvokedAt { get; init; }

    /// <summary>When the answer was there; null when there was none.</summary>
    public long? AnsweredAt { get; init; }

    /// <summary>Append: its number in the account. Read: the newest number that was answered.</summary>
    public long Sequence { get; init; }

    /// <summary>Append only.</summary>
    public long Amount { get; init; }

    /// <summary>The account's balance with this entry, or as it was read.</summary>
    public long Balance { get; init; }

    /// <summary>Append: where in the ledger the entry stands; 0 while unknown.</summary>
    public long Position { get; init; }

    /// <summary>The rest of the answer; null when there was none.</summary>
    public LedgerStamp? Stamp { get; init; }

    /// <summary>How often it was asked; more than once after broken connections.</summary>
    public int Attempts { get; init; } = 1;

    /// <summary>The ledger said that it was done.</summary>
    public bool IsAnswered => AnsweredAt is not null;

    /// <inheritdoc/>
    public override string ToString()
    {
        string what = Kind == OperationKind.Append ? $"append {Account}/{Sequence} amount {Amount}" : $"read {Account}";
        return !IsAnswered
            ? $"client {Client}: {what}, outcome unknown"
            : Kind == OperationKind.Append
                ? $"client {Client}: {what} -> balance {Balance} at position {Position}, {Stamp}"
                : $"client {Client}: {what} -> {Sequence} balance {Balance}, {Stamp}";
    }
}
