// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Epoch;

namespace Hikae.Sidecar.Capture;

/// <summary>Tells the backup what the guest reads, so that it knows at a failover what will be wanted first. No part of any checkpoint.</summary>
internal sealed class ReadsParticipant(IGuestReads reads, EpochQueue queue) : IEpochParticipant
{
    // What found no room in the queue.
    private IReadOnlyList<ChunkReads>? _untold;

    public void Prepare(EpochId epoch, CancellationToken cancellationToken)
    {
        // Not before the first checkpoint: the guest's agent has its free pages to tell then.
    }

    public bool TrySeal(EpochId epoch, PauseTimings pause, CancellationToken cancellationToken) => true;

    public void Resumed(EpochId epoch)
    {
        // Nothing of it belongs to the epoch.
    }

    public void Ended(EpochId epoch)
    {
        _untold = reads.TakeReads() ?? _untold;
        if (_untold is not null && queue.TryAdd(new EpochPart.Reads(_untold)))
        {
            _untold = null;
        }
        reads.AskForReads();
    }

    public void Commit(EpochId epoch)
    {
        // Nothing waits for it.
    }

    public void Abort(EpochId epoch)
    {
        // The next session's backup is told anew.
    }
}
