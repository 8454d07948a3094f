// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Epoch;

namespace Hikae.Sidecar.Recovery;

/// <summary>
/// Each acknowledged epoch confirms the lease: the backup had not taken the guest when the epoch was sealed, as it closes its link before it claims. And it
/// confirms that packets may leave: the backup heard from us when the epoch's end was sent.
/// </summary>
/// <param name="keeper">This host's lease.</param>
/// <param name="patience">Of the backup: it gives us up when it has heard nothing for so long, not earlier.</param>
internal sealed class LeaseParticipant(LeaseKeeper keeper, TimeSpan patience) : IEpochParticipant
{
    private readonly Lock _gate = new();

    // guarded by _gate
    private readonly Queue<(EpochId Epoch, long SealedAt)> _sealed = new();
    private readonly Queue<(EpochId Epoch, long SentAt)> _sent = new();

    /// <summary>The last record of an epoch is about to be sent. Any thread.</summary>
    public void Ending(EpochId epoch)
    {
        lock (_gate)
        {
            _sent.Enqueue((epoch, keeper.Now));
        }
    }

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
        long sentAt = 0;
        lock (_gate)
        {
            // An epoch may be sealed twice when another participant refused: the later time is the one that counts.
            while (_sealed.TryPeek(out (EpochId Epoch, long SealedAt) oldest) && oldest.Epoch.Value <= epoch.Value)
            {
                moment = _sealed.Dequeue().SealedAt;
            }
            while (_sent.TryPeek(out (EpochId Epoch, long SentAt) oldest) && oldest.Epoch.Value <= epoch.Value)
            {
                sentAt = _sent.Dequeue().SentAt;
            }
        }
        if (sentAt != 0)
        {
            keeper.Heard(sentAt, patience);
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
