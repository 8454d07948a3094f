// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Ledger;

/// <summary>What every answer of the ledger ends with: none of it may ever be seen to go back.</summary>
/// <param name="Head">The position of the newest entry, on the disk.</param>
/// <param name="Answer">Which answer of this boot it is; counted in the guest's memory only.</param>
/// <param name="Boot">One boot of the guest has another word than the next.</param>
/// <param name="GuestMs">The guest's monotonic clock, in ms.</param>
public sealed record LedgerStamp(long Head, long Answer, string Boot, long GuestMs);
