// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Ledger.Checking;

/// <summary>The ledger used by one client at a time: an append-only log that numbers its entries, and a register for each account.</summary>
/// <param name="initial">What it held before the history began.</param>
public sealed class LedgerSpecification(LedgerState initial) : ISequentialObject<LedgerState, Operation>
{
    /// <inheritdoc/>
    public LedgerState Initial => initial;

    /// <inheritdoc/>
    public bool TryApply(LedgerState state, Operation operation, out LedgerState next)
    {
        (long sequence, long balance) = state[operation.Account];
        if (operation.Kind == OperationKind.Read)
        {
            next = state;
            return !operation.IsAnswered
                || (operation.Sequence == sequence && operation.Balance == balance && operation.Stamp!.Head == state.Head);
        }

        next = state.With(operation.Account, operation.Sequence, balance + operation.Amount);
        return operation.Sequence == sequence + 1
            && (!operation.IsAnswered || (operation.Position == next.Head && operation.Balance == balance + operation.Amount));
    }
}
