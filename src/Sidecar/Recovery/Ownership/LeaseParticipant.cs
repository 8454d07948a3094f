// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Epoch;

namespace Hikae.Sidecar.Recovery;

/// <summary>Each acknowledged epoch confirms the lease: the backup had not taken the guest when the epoch was sealed, as it closes its link before it claims.</summary>
internal sealed class LeaseParticipant(LeaseKeeper keeper) : IEpochParticipant
{
    private readonly Lock _gate = new();

    // guarded by _gate
    private readonly Queue<(EpochId Epoch, long SealedAt)> _sealed = new();

    public void Prepare(EpochId epoch, CancellationToken cancellationToken)
    {
    }

    public bool TrySeal(EpochId epoch, PauseTimings pause, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            _sealed.Enqueue((epoch, keeper.Now));
        }
        return true;
    }

    public void Resumed(EpochId epoch)
    {
    }

    public void Commit(EpochId epoch)
    {
        long moment = 0;
        lock (_gate)
        {
            // An epoch may be sealed twice when another participant refused: the later time is the one that counts.
            while (_sealed.TryPeek(out (EpochId Epoch, long SealedAt) oldest) && oldest.Epoch.Value <= epoch.Value)
            {
                moment = _sealed.Dequeue().SealedAt;
            }
        }
        if (moment != 0)
        {
            keeper.Confirm(moment);
        }
    }

    public void Abort(EpochId epoch)
    {
    }
}
