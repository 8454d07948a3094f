// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Protocol.Control;
using Hikae.Protocol.Ownership;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Epoch;
using Hikae.Sidecar.Recovery;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar;

/// <summary>What a primary claims in the arbiter around its sessions, and what its guest does until the arbiter has answered.</summary>
/// <remarks>
/// Invariants: a guest goes on after a session only when the newest record says that nobody else may run it, or when none was ever
/// claimed for this run of it. What the backup says does not count, the record does. <see cref="FencedException"/> leaves each
/// method as soon as the record names another host.
/// </remarks>
internal sealed class PrimaryClaims
{
    private const string StandstillReason = "the backup and the arbiter cannot be reached, and the lease ran out: another host may run the guest";

    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan PauseRetry = TimeSpan.FromMilliseconds(20);

    // A guest that ended and could not be released would be started by its backup; after this long a person must look.
    private static readonly TimeSpan ReleasePatience = TimeSpan.FromSeconds(60);

    private readonly GuestOwnership _ownership;
    private readonly SidecarMarker _marker;
    private readonly IGuestPause _pause;
    private readonly Func<bool> _hasExited;
    private readonly int _qemuPid;
    private readonly StatusBoard _status;
    private readonly ILogger _logger;

    // A guest that is being paused because the lease is over must not be resumed because it is not, nor the other way round.
    private readonly Lock _pausing = new();

    /// <param name="ownership">The guest's record; this host's lease is in it.</param>
    /// <param name="marker">What an earlier sidecar left.</param>
    /// <param name="pause">Stops the guest when its lease ran out, and lets it go on.</param>
    /// <param name="hasExited">Whether QEMU has ended.</param>
    /// <param name="qemuPid">QEMU's process.</param>
    /// <param name="status">Told when the guest must stand still.</param>
    /// <param name="logger">The sidecar's log.</param>
    public PrimaryClaims(
        GuestOwnership ownership, SidecarMarker marker, IGuestPause pause, Func<bool> hasExited, int qemuPid, StatusBoard status, ILogger logger)
    {
        _ownership = ownership;
        _marker = marker;
        _pause = pause;
        _hasExited = hasExited;
        _qemuPid = qemuPid;
        _status = status;
        _logger = logger;
    }

    /// <summary>Null: the guest is paused a lease after the arbiter was first asked in vain.</summary>
    public LeaseKeeper? Lease { get; init; }

    /// <summary>
    /// The lease is over: returns when the guest stands still, or has ended, or the lease is renewed. Any thread; while a session still makes
    /// checkpoints, which let the guest go on, the guest counts as running.
    /// </summary>
    public void StandStill(Func<bool> sessionEnded)
    {
        while (Lease!.IsLost && !_hasExited())
        {
            bool ended = sessionEnded();
            if (TryPause() && ended)
            {
                _status.Set(GuestState.Paused, StandstillReason);
                return;
            }
            Thread.Sleep(PauseRetry);
        }
    }

    /// <summary>What an earlier sidecar of this guest may have left: a claim that lets the backup take the guest, and a guest that stands still.</summary>
    public void Survive()
    {
        _marker.BeginRun(_qemuPid);
        if (!HasClaimed)
        {
            try
            {
                _ownership.Refresh();
            }
            catch (ArbiterUnavailableException error)
            {
                // Nothing was ever claimed for this run of the guest, so nothing can have been taken.
                _logger.ArbiterUnavailable(error.Message);
            }
        }
        if (_marker.PausedByUs)
        {
            _logger.ResumedAfterCrash();
        }
        Settle();
    }

    /// <summary>The first checkpoint is committed: from now on <paramref name="backup"/> may take the guest.</summary>
    public static void Protect(GuestOwnership ownership, SidecarMarker marker, int qemuPid, string backup)
    {
        // The mark comes first: a sidecar that dies after its claim must not leave a guest that looks as if nobody could take it.
        long next = (ownership.Refresh()?.Generation ?? 0) + 1;
        marker.SetOwnedGeneration(qemuPid, next);
        ownership.ClaimProtected(backup);
        marker.SetOwnedGeneration(qemuPid, ownership.Current!.Generation);
    }

    /// <summary>
    /// A host that is about to receive the guest by a migration has claimed that no backup may take it. If the migration came to nothing, that is undone by a
    /// session that begins anew: <see cref="NotProtectableException"/>.
    /// </summary>
    public static void CheckProtected(GuestOwnership ownership, StatusBoard status)
    {
        if (status.Current.State is GuestState.Protected && ownership.Current is { ProtectedBy: null })
        {
            throw new NotProtectableException("no backup may take the guest by its ownership record: a migration of it was announced");
        }
    }

    /// <summary>A session is over and the guest may run on: makes sure that nobody else takes it, then that it does not stand still.</summary>
    public void Settle()
    {
        if (_hasExited())
        {
            return;
        }
        OwnershipRecord? record = _ownership.Current;
        bool isOurs = record is { Ended: false } && record.Owner == _ownership.Host;
        bool mayBeTaken = isOurs ? record!.ProtectedBy is not null || _marker.OwnedGeneration(_qemuPid) > record.Generation : HasClaimed;
        if (mayBeTaken)
        {
            ClaimUnprotected();
        }
        Resume();
    }

    /// <summary>The backup said how a planned failover ended, asked or not. Only the record decides whether the guest moved.</summary>
    public void SettleAfterMove()
    {
        ClaimUnprotected();
        Resume();
    }

    /// <summary>One try to claim what an intended end needs, before the backup is told. Throws <see cref="ArbiterUnavailableException"/>.</summary>
    public void ClaimBeforeGoodbye() => _ownership.ClaimUnprotected(OwnedGeneration);

    /// <summary>
    /// The guest has ended, and what it wrote last may go to its images only if no other host may have gone on with it. Waits for the arbiter for as long as it
    /// takes. Throws <see cref="FencedException"/> when another host has.
    /// </summary>
    public void ClaimForDrain()
    {
        if (HasClaimed)
        {
            PatientClaims.Make(() => _ownership.ClaimUnprotected(OwnedGeneration), Timeout.InfiniteTimeSpan, _logger);
        }
    }

    /// <summary>The last claim of this sidecar.</summary>
    /// <param name="isGivenUp">The guest runs on and asks for no protection any more: the record must not keep it from other hosts.</param>
    public void End(bool isGivenUp)
    {
        if (!_hasExited() && !isGivenUp)
        {
            Settle();
            return;
        }
        PatientClaims.Make(_ownership.Release, HasClaimed ? ReleasePatience : TimeSpan.Zero, _logger);
    }

    /// <summary>Whether the record may ever have let another host take this run of the guest.</summary>
    private bool HasClaimed => OwnedGeneration > 0;

    private long OwnedGeneration => _marker.OwnedGeneration(_qemuPid);

    /// <summary>
    /// Claims until the arbiter answers. Without an answer the guest is paused when its lease runs out, as the backup may have taken it.
    /// It may stand still afterwards.
    /// </summary>
    private void ClaimUnprotected()
    {
        long started = Stopwatch.GetTimestamp();
        bool reported = false;
        while (!_hasExited())
        {
            try
            {
                _ownership.ClaimUnprotected(OwnedGeneration);
                return;
            }
            catch (ArbiterUnavailableException error)
            {
                if (!reported)
                {
                    _logger.ArbiterUnavailable(error.Message);
                    reported = true;
                }
                if (!_marker.PausedByUs && Stopwatch.GetElapsedTime(started) >= _ownership.Lease && TryPause())
                {
                    _status.Set(GuestState.Paused, StandstillReason);
                }
                Thread.Sleep(Retry);
            }
        }
    }

    /// <summary>True: the guest stands still, by this or already. False: its lease was renewed meanwhile, or it failed and must be tried again.</summary>
    private bool TryPause()
    {
        try
        {
            lock (_pausing)
            {
                if (_marker.PausedByUs)
                {
                    return true;
                }
                if (Lease is { IsLost: false })
                {
                    return false;
                }
                // False: somebody else paused it, which is as good.
                _pause.TryPause();
                return true;
            }
        }
        catch (Exception error)
        {
            _logger.Unexpected(error.Message, error);
            return false;
        }
    }

    private void Resume()
    {
        lock (_pausing)
        {
            if (_marker.PausedByUs)
            {
                _pause.Resume();
            }
        }
    }
}
