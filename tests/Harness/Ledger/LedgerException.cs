// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Ledger;

/// <summary>The ledger refused, or said what it cannot say: a fault of the client or of the ledger, never of the network.</summary>
public sealed class LedgerException(string message) : Exception(message)
{
    /// <summary>The ledger does not know the entry before the one that was asked for, although it acknowledged it.</summary>
    public bool IsGap { get; init; }
}
