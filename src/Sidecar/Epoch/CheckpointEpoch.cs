// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;

namespace Hikae.Sidecar.Epoch;

/// <summary>One epoch's life. A wrong move is a bug in this program and says which.</summary>
internal sealed class CheckpointEpoch(EpochId id)
{
    public EpochId Id { get; } = id;

    public EpochState State { get; private set; } = EpochState.Open;

    public void Seal() => Move(EpochState.Open, EpochState.Sealed);

    public void Commit() => Move(EpochState.Sealed, EpochState.Committed);

    public void Abort()
    {
        if (State is EpochState.Committed)
        {
            throw new UnreachableException($"{Id} is committed: its output is already in the world.");
        }
        State = EpochState.Aborted;
    }

    private void Move(EpochState from, EpochState to)
    {
        if (State != from)
        {
            throw new UnreachableException($"{Id}: {from} -> {to} asked while {State}.");
        }
        State = to;
    }
}
