// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Epoch;

/// <summary>Cuts the guest's execution into epochs.</summary>
/// <remarks>
/// Theory of operation. One thread asks for one checkpoint after the other: prepare while the guest runs, pause it, let every participant draw
/// its line, let it go on, end the epoch's stream. The epoch that was sealed travels while the guest runs in the next one. At most two
/// epochs are not yet committed: then the loop waits, and the running epoch simply grows longer.
///
/// Invariants: participants seal in the same pause or not at all. Whatever fails between pause and resume, the guest goes on.
/// Epochs are committed in order.
/// </remarks>
internal sealed class CheckpointLoop : IDisposable
{
    // One on the wire, one being captured. A third would only hide a backup that is too slow.
    private const int MaxEpochsInFlight = 2;

    private readonly IStandstill _guest;
    private readonly IEpochStream _stream;
    private readonly IReadOnlyList<IEpochParticipant> _participants;
    private readonly PauseStatistics _statistics;
    private readonly SemaphoreSlim _inFlight = new(MaxEpochsInFlight, MaxEpochsInFlight);
    private readonly Lock _gate = new();

    // guarded by _gate
    private readonly Queue<CheckpointEpoch> _epochs = new();

    // checkpoint thread only
    private EpochId _current = new(1);

    public CheckpointLoop(
        IStandstill guest,
        IEpochStream stream,
        IReadOnlyList<IEpochParticipant> participants,
        PauseStatistics statistics)
    {
        _guest = guest;
        _stream = stream;
        _participants = participants;
        _statistics = statistics;
    }

    /// <summary>Called on the checkpoint thread when all participants have drawn their line, while the guest still stands still.</summary>
    public event Action? Sealing;

    /// <summary>Called on the link thread after each commit.</summary>
    public event Action<EpochId>? Committed;

    /// <summary>The epoch that the next checkpoint seals. Checkpoint thread.</summary>
    public EpochId Next => _current;

    /// <summary>Tries to make one checkpoint now.</summary>
    public CheckpointOutcome TryCheckpoint(CancellationToken cancellationToken) => TryCheckpoint(leavePaused: false, cancellationToken);

    /// <summary>Tries to make the last checkpoint of this host; when sealed, the guest stays paused: it will go on elsewhere.</summary>
    public CheckpointOutcome TryFinalCheckpoint(CancellationToken cancellationToken) => TryCheckpoint(leavePaused: true, cancellationToken);

    /// <summary>The backup acknowledged <paramref name="id"/>. Link thread.</summary>
    public void Acknowledge(EpochId id)
    {
        CheckpointEpoch epoch;
        lock (_gate)
        {
            if (!_epochs.TryPeek(out CheckpointEpoch? oldest) || oldest.Id != id || oldest.State is not EpochState.Sealed)
            {
                throw new PeerLostException($"The backup acknowledged {id}, which does not wait for it.");
            }
            epoch = _epochs.Dequeue();
        }
        epoch.Commit();
        foreach (IEpochParticipant participant in _participants)
        {
            participant.Commit(id);
        }
        _inFlight.Release();
        Committed?.Invoke(id);
    }

    /// <summary>The backup is gone: everything not committed is forgotten. Call when no checkpoint is being made any more.</summary>
    public void AbortAll()
    {
        lock (_gate)
        {
            while (_epochs.TryDequeue(out CheckpointEpoch? epoch))
            {
                epoch.Abort();
                foreach (IEpochParticipant participant in _participants)
                {
                    participant.Abort(epoch.Id);
                }
            }
        }
    }

    public void Dispose() => _inFlight.Dispose();

    private CheckpointOutcome TryCheckpoint(bool leavePaused, CancellationToken cancellationToken)
    {
        _inFlight.Wait(cancellationToken);
        var epoch = new CheckpointEpoch(_current);
        _stream.Begin(epoch.Id, cancellationToken);
        foreach (IEpochParticipant participant in _participants)
        {
            participant.Prepare(epoch.Id, cancellationToken);
        }

        var pause = new PauseTimings(epoch.Id);
        bool? isSealed = _guest.TrySeal(
            pause, leavePaused, () => TrySeal(epoch.Id, pause, cancellationToken), cancellationToken);
        if (isSealed is not true)
        {
            // The epoch stays open: what was prepared belongs to it whenever it is sealed.
            _inFlight.Release();
            return isSealed is null ? CheckpointOutcome.GuestPaused : CheckpointOutcome.Deferred;
        }

        epoch.Seal();
        lock (_gate)
        {
            // Before End: the acknowledgement may come back before End returns.
            _epochs.Enqueue(epoch);
        }
        _current = _current.Next;
        foreach (IEpochParticipant participant in _participants)
        {
            participant.Resumed(epoch.Id);
        }
        _stream.End(epoch.Id, cancellationToken);
        _statistics.Add(pause);
        if (!leavePaused)
        {
            foreach (IEpochParticipant participant in _participants)
            {
                participant.Ended(epoch.Id);
            }
        }
        return CheckpointOutcome.Sealed;
    }

    private bool TrySeal(EpochId epoch, PauseTimings pause, CancellationToken cancellationToken)
    {
        bool isSealed = _participants.All(participant => participant.TrySeal(epoch, pause, cancellationToken));
        if (isSealed)
        {
            Sealing?.Invoke();
        }
        return isSealed;
    }
}
