// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Epoch;

namespace Hikae.Sidecar.Output;

/// <summary>The guest's packets as the epoch sees them: they wait for their commit.</summary>
/// <remarks>
/// Packets pass until the first seal of a session: until then nobody else can run the guest, so nobody can forget what they said.
/// A commit releases an epoch as soon as it is durable, and no epoch before all earlier ones.
/// Whatever ends the session, what waits goes on waiting: who may run the guest is for the arbiter to say.
/// </remarks>
internal sealed class OutputParticipant : IEpochParticipant
{
    private readonly GuestOutput _output;
    private readonly Action _packetWaits;
    private readonly Action<EpochId, Action> _whenDurable;
    private readonly Lock _gate = new();

    // guarded by _gate
    private readonly ReleaseOrder _order = new();

    // checkpoint thread only
    private bool _isHolding;

    private int _changed;

    /// <param name="output">The guest's packets.</param>
    /// <param name="packetWaits">Told when a packet waits for a checkpoint; any thread.</param>
    /// <param name="whenDurable">Runs an action once everything the guest flushed in an epoch is on the shared image; at once where there is none. Any thread.</param>
    public OutputParticipant(GuestOutput output, Action packetWaits, Action<EpochId, Action> whenDurable)
    {
        _output = output;
        _packetWaits = packetWaits;
        _whenDurable = whenDurable;
        output.Follow(packetWaits);
    }

    /// <summary>Interfaces came while the guest was protected: what they sent until now left without waiting. Checkpoint thread, before the epoch that covers it is sealed.</summary>
    public event Action<EpochId, IReadOnlyList<GuestInterface>>? Plugged;

    /// <summary>An interface may have come or gone. Any thread.</summary>
    public void NoteChange() => Volatile.Write(ref _changed, 1);

    public void Prepare(EpochId epoch, CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _changed, 0) != 0 && _output.Follow(_packetWaits) is { Count: > 0 } added)
        {
            Plugged?.Invoke(epoch, added);
        }
    }

    public bool TrySeal(EpochId epoch, PauseTimings pause, CancellationToken cancellationToken)
    {
        if (_isHolding)
        {
            _output.Seal(epoch);
        }
        else
        {
            _output.BeginHolding();
            _isHolding = true;
        }
        pause.Mark("output");
        return true;
    }

    public void Resumed(EpochId epoch)
    {
        // Packets come by themselves.
    }

    public void Commit(EpochId epoch)
    {
        lock (_gate)
        {
            _order.Commit(epoch);
        }
        _whenDurable(epoch, () => Release(epoch));
    }

    public void Abort(EpochId epoch)
    {
        // What waits goes on waiting until somebody knows who may run the guest.
    }

    /// <summary>The session is over: what becomes durable from now on releases nothing. Any thread.</summary>
    public void End()
    {
        lock (_gate)
        {
            _order.End();
        }
    }

    private void Release(EpochId epoch)
    {
        lock (_gate)
        {
            if (_order.Durable(epoch) is { } through)
            {
                _output.ReleaseThrough(through);
            }
        }
    }
}
