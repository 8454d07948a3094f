// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Host.Control;
using Hikae.Protocol.Annotation;
using Hikae.Protocol.Configuration;
using Hikae.Protocol.Control;
using Microsoft.Extensions.Logging;

namespace Hikae.Host.Room;

/// <summary>In which order the guests of lost hosts are started here, and how many at once.</summary>
/// <remarks>
/// Theory of operation. A sidecar asks as soon as its primary is silent, and holds its connection until the guest runs. Higher priority comes first, then the smaller
/// guest, because so more of them run sooner, then the name. A host's links are found silent one after the other; so who asks waits, for a while, for those of the
/// same host that come before it. When the host is dead they all ask, and nobody waits longer than for the last of them. One that does not fit into the memory is
/// passed over, and looked at again each second.
///
/// A turn is no right to run a guest: the arbiter gives that. A sidecar that is not told anything in time goes on without.
/// </remarks>
internal sealed class RecoveryQueue(SidecarRegistry registry, GuestRoom room, HikaeConfiguration configuration, TimeProvider clock, ILogger logger)
{
    private readonly TimeSpan _gathering = GatheringOf(configuration.Link.DetectAfter);
    private readonly int _most = configuration.Backup.Recoveries;

    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LookSoon = TimeSpan.FromMilliseconds(20);

    private readonly Lock _gate = new();

    // guarded by _gate
    private readonly List<RecoveryPlace> _places = [];
    private TaskCompletionSource _changed = New();
    private bool _isStale;
    private long _decidedAt;

    /// <summary>Answers one sidecar until its connection ends.</summary>
    public async Task ServeAsync(AskTurn asked, ControlConnection connection, CancellationToken cancellationToken)
    {
        RecoveryPlace place = Enter(asked);
        try
        {
            // It has nothing more to say: whatever comes ends the turn.
            Task ended = connection.ReadAsync(cancellationToken);
            Turn? told = null;
            while (!ended.IsCompleted)
            {
                (Turn? answer, Task changed) = Look(place);
                if (answer is not null && answer != told)
                {
                    if (!await connection.SendAsync(answer).ConfigureAwait(false))
                    {
                        return;
                    }
                    told = answer;
                }
                TimeSpan next = answer is null ? LookSoon : answer.Granted ? Timeout.InfiniteTimeSpan : LookAgain;
                using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                await Task.WhenAny(ended, changed, Task.Delay(next, clock, over.Token)).ConfigureAwait(false);
                await over.CancelAsync().ConfigureAwait(false);
            }
        }
        finally
        {
            Leave(place);
        }
    }

    // Silence is looked for each fifth of the patience of a link; a host that has just lost a peer is busy, and late. Who asks waits two seconds for an answer.
    private static TimeSpan GatheringOf(TimeSpan detectAfter)
    {
        TimeSpan looked = (detectAfter / 5) + TimeSpan.FromMilliseconds(100);
        TimeSpan late = detectAfter < TimeSpan.FromSeconds(1) ? detectAfter : TimeSpan.FromSeconds(1);
        return looked > late ? looked : late;
    }

    private RecoveryPlace Enter(AskTurn asked)
    {
        var place = new RecoveryPlace(asked, clock.GetTimestamp());
        lock (_gate)
        {
            // Of a connection whose end has not been noticed yet.
            _places.RemoveAll(other => other.Asked.Uuid == asked.Uuid);
            _places.Add(place);
            Pulse();
        }
        return place;
    }

    private void Leave(RecoveryPlace place)
    {
        lock (_gate)
        {
            _places.Remove(place);
            Pulse();
        }
    }

    private (Turn? Answer, Task Changed) Look(RecoveryPlace place)
    {
        lock (_gate)
        {
            Decide();
            return (place.Answer, _changed.Task);
        }
    }

    /// <summary>Under _gate.</summary>
    private void Decide()
    {
        if (!_isStale && _places.TrueForAll(place => place.Answer is not null) && clock.GetElapsedTime(_decidedAt) < LookAgain / 2)
        {
            // Each place comes here each second: what all of them would see is looked at once.
            return;
        }
        (_isStale, _decidedAt) = (false, clock.GetTimestamp());
        GuestRoom.View? view = null;
        List<AskTurn> granted = [.. _places.Where(place => place.IsGranted).Select(place => place.Asked)];
        RecoveryPlace[] waiting = [.. _places.Where(place => !place.IsGranted)];
        Array.Sort(waiting, (one, other) => Compare(one.Asked, other.Asked));
        foreach (RecoveryPlace place in waiting)
        {
            if (granted.Count >= _most)
            {
                Put(place, $"as many guests as may be started at once, {granted.Count}, are being started");
            }
            else if (IsSomebodyAwaited(place))
            {
                return;
            }
            else if ((view ??= room.Look()).WhyNot(place.Asked, granted) is string reason)
            {
                Put(place, reason);
            }
            else
            {
                place.Answer = new Turn(true, "");
                granted.Add(place.Asked);
                logger.TurnGranted(place.Asked.Guest, place.Asked.Uuid, place.Asked.Priority);
                Pulse();
            }
        }
    }

    private static void Put(RecoveryPlace place, string reason)
    {
        if (place.Answer?.Reason != reason)
        {
            // Told when its own look comes, within a second.
            place.Answer = new Turn(false, reason);
        }
    }

    private bool IsSomebodyAwaited(RecoveryPlace place) =>
        clock.GetElapsedTime(place.AskedAt) < _gathering
        && registry.Backups().Any(sidecar => sidecar.LastStatus is { State: GuestState.Ready } status
            && status.Peer == place.Asked.Primary
            && _places.TrueForAll(other => other.Asked.Uuid != status.Uuid)
            && Compare(Wish(status), place.Asked) < 0);

    private static AskTurn Wish(GuestStatus status) =>
        new(status.Uuid, status.Guest, status.Peer ?? "", status.Priority ?? ProtectAnnotation.DefaultPriority, status.GuestBytes, 0);

    private static int Compare(AskTurn one, AskTurn other)
    {
        int order = other.Priority.CompareTo(one.Priority);
        order = order != 0 ? order : one.GuestBytes.CompareTo(other.GuestBytes);
        order = order != 0 ? order : string.CompareOrdinal(one.Guest, other.Guest);
        return order != 0 ? order : one.Uuid.CompareTo(other.Uuid);
    }

    /// <summary>Under _gate: whoever waits looks again.</summary>
    private void Pulse()
    {
        _isStale = true;
        TaskCompletionSource changed = _changed;
        _changed = New();
        changed.SetResult();
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
