// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Ledger.Checking;

/// <summary>How an object behaves when it is used by one client at a time.</summary>
/// <typeparam name="TState">Compared by value.</typeparam>
/// <typeparam name="TOperation">With its answer, or without one where the outcome is unknown.</typeparam>
public interface ISequentialObject<TState, in TOperation>
    where TState : IEquatable<TState>
{
    /// <summary>Before the first operation.</summary>
    TState Initial { get; }

    /// <summary>False when the object in this state could not have given this answer.</summary>
    bool TryApply(TState state, TOperation operation, out TState next);
}
