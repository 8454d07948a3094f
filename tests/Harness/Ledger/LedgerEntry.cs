// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Ledger;

/// <summary>One entry that the ledger holds, read back from it or from its file.</summary>
/// <param name="Position">1 for the first of all.</param>
/// <param name="Account">Whose it is.</param>
/// <param name="Sequence">1 for the first of the account.</param>
/// <param name="Amount">What was added.</param>
/// <param name="Balance">The account's balance with it.</param>
public sealed record LedgerEntry(long Position, int Account, long Sequence, long Amount, long Balance);
