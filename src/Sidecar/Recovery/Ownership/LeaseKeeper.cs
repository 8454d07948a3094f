// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Ownership;
using Hikae.Sidecar.Output;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Recovery;

/// <summary>A primary's right to let its guest's output and disk writes out, and what happens when nobody confirms it any more.</summary>
/// <remarks>
/// Theory of operation. While the newest record names a backup, that backup may take the guest at any moment, and will write to its
/// disks a lease and a margin later. So this host's right ends a lease after the last moment at which the backup is known not to have
/// taken it: before a question to the arbiter whose answer names this host, or before an epoch was sealed that the backup acknowledged
/// (it closes its link before it claims). The order of what follows, with a lease of L and a margin M = L / 10, counted from that moment:
///
///   L - 2 M   <see cref="MayWrite"/> turns false and <see cref="Lost"/> is raised: its handlers stop all writing and pause the guest
///   L         the kernel ends this process, unless all handlers have returned: a process that is stopped, or hangs, cannot write later
///   L + M     the claimer writes, counted from after it won, which was later than all of this began
///
/// That is the right to write. Packets must not leave as soon as the backup's guest may speak, which is earlier: see <see cref="SpeakingRight"/>.
/// A record that names no backup gives a right without end; none was ever claimed for this run of the guest: the same. When
/// the arbiter answers again and still names this host, <see cref="Regained"/>; when it names another, <see cref="Taken"/>.
/// Events are raised on several threads, and one may overtake the one before: a handler must ask for the state, not trust the event. <see cref="MayWrite"/> and <see cref="MaySpeak"/> are for any thread, right before each write or release.
/// </remarks>
internal sealed class LeaseKeeper : IOwnershipObserver, IDisposable
{
    // set once
    private readonly GuestOwnership _ownership;
    private readonly TimeProvider _clock;
    private readonly IDeathTimer _death;
    private readonly ILogger _logger;
    private readonly Lease _lease;
    private readonly SpeakingRight _speaking;
    private readonly ITimer _end;
    private readonly ManualResetEventSlim _stop = new();
    private readonly Lock _gate = new();

    // written under _gate
    private volatile LeaseState _state;

    // guarded by _gate
    private long _renewedAt;
    private long _generation;
    private long _leaseEnd;
    private long _ends;
    private bool _reportedUnavailable;

    /// <param name="ownership">Read again and again; this object makes itself its observer.</param>
    /// <param name="hasClaimed">An earlier sidecar may have let a backup take this run of the guest: nothing may be written before the record is read.</param>
    /// <param name="clock">Counts while the host sleeps.</param>
    /// <param name="death">Ends this process; same clock.</param>
    /// <param name="logger">The sidecar's log.</param>
    public LeaseKeeper(GuestOwnership ownership, bool hasClaimed, TimeProvider clock, IDeathTimer death, ILogger logger)
    {
        _ownership = ownership;
        _clock = clock;
        _death = death;
        _logger = logger;
        _lease = new Lease(clock, ownership.Lease, Lease.MarginOf(ownership.Lease));
        _state = hasClaimed ? LeaseState.Lost : LeaseState.Free;
        _speaking = new SpeakingRight(clock, ReadOnce);
        _speaking.GivenAgain += () => MaySpeakAgain?.Invoke();
        _end = clock.CreateTimer(_ => Check(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        ownership.Observer = this;
    }

    /// <summary>
    /// Nobody has confirmed this host's right in time. When all handlers have returned, nothing may be written or let out any more, and the guest
    /// stands still: the kernel's timer is switched off then.
    /// </summary>
    public event Action? Lost;

    /// <summary>The arbiter still names this host: writing goes on, and so may the guest.</summary>
    public event Action? Regained;

    /// <summary>The answer of <see cref="MaySpeak"/> may be true again.</summary>
    public event Action? MaySpeakAgain;

    /// <summary>The arbiter names another host: the guest must end here. When all handlers have returned, nothing may be written any more, as after <see cref="Lost"/>.</summary>
    public event Action? Taken;

    /// <summary>Drops the packets that leave too late. Set once, before anything is claimed.</summary>
    public IOutputGate? Gate { get; init; }

    /// <summary>Whether a packet may leave at this moment. False: <see cref="MaySpeakAgain"/> or <see cref="Regained"/> follows, or the guest is another's.</summary>
    public bool MaySpeak => MayWrite && (_state is LeaseState.Free || _speaking.IsGiven());

    /// <summary>Whether the image may be written at this moment.</summary>
    public bool MayWrite => _state is LeaseState.Free || (_state is LeaseState.Held && !_lease.OwnerMustStop);

    /// <summary>Nobody confirmed in time, and nobody has since.</summary>
    public bool IsLost => _state is LeaseState.Lost;

    /// <inheritdoc/>
    public long Now => _clock.GetTimestamp();

    /// <summary>Begins to read the record, four times a lease.</summary>
    public void Start() => new Thread(ReadOn) { IsBackground = true, Name = "lease" }.Start();

    /// <summary>The backup has not taken the guest before this moment: it acknowledged what was sealed then. Any thread.</summary>
    public void Confirm(long moment)
    {
        lock (_gate)
        {
            if (_state is not LeaseState.Held)
            {
                return;
            }
            bool couldWrite = MayWrite;
            Renew(moment);
            RaiseIfRegained(couldWrite);
        }
    }

    /// <summary>The backup acknowledged what was sent at this moment or later, and goes on with the guest no sooner than its patience after the last it heard. Any thread.</summary>
    public void Heard(long sentAt, TimeSpan patience)
    {
        lock (_gate)
        {
            _speaking.Heard(sentAt, patience);
            MoveGate();
        }
    }

    /// <inheritdoc/>
    public void ClaimingProtected(long askedAt)
    {
        lock (_gate)
        {
            // Armed before the claim goes out: a process that is stopped right after it was won must be ended as well.
            if (_state is LeaseState.Free)
            {
                _state = LeaseState.Held;
                _renewedAt = 0;
                Renew(askedAt);
            }
        }
    }

    /// <inheritdoc/>
    public void Answered(OwnershipRecord? newest, long askedAt)
    {
        lock (_gate)
        {
            _reportedUnavailable = false;
            if (newest is null || newest.Generation < _generation)
            {
                // Not this arbiter's word as we know it: as good as no answer.
                return;
            }
            _generation = newest.Generation;
            LeaseState before = _state;
            bool couldWrite = MayWrite;
            if (newest.Ended || newest.Owner != _ownership.Host)
            {
                // What was claimed before this run of the guest does not take it from us; who runs it then is not the lease's question.
                if (before is LeaseState.Held or LeaseState.Lost)
                {
                    _state = LeaseState.Taken;
                    _end.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                    long end = ++_ends;
                    // Not here: the caller holds the ownership's lock, which a handler may want.
                    ThreadPool.QueueUserWorkItem(_ => Stop(Taken, end));
                }
            }
            else if (newest.ProtectedBy is null)
            {
                _state = LeaseState.Free;
                _end.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                _death.Disarm();
                Gate?.Open();
            }
            else
            {
                if (before is not LeaseState.Held)
                {
                    _state = LeaseState.Held;
                    _renewedAt = 0;
                }
                Renew(askedAt);
                _speaking.Answered(askedAt);
                MoveGate();
            }
            RaiseIfRegained(couldWrite);
        }
    }

    /// <summary>One reading; what it says reaches <see cref="Answered"/>.</summary>
    public void ReadOnce()
    {
        try
        {
            _ownership.Refresh();
        }
        catch (ArbiterUnavailableException error)
        {
            if (!_reportedUnavailable)
            {
                _reportedUnavailable = true;
                _logger.LeaseNotRenewed(error.Message);
            }
        }
    }

    public void Dispose()
    {
        _stop.Set();
        _ownership.Observer = null;
        _end.Dispose();
        _death.Disarm();
    }

    private void ReadOn()
    {
        while (!_stop.Wait(_ownership.Lease / 4))
        {
            if (_state is not LeaseState.Free)
            {
                ReadOnce();
            }
        }
    }

    /// <summary>
    /// When all handlers have returned all writing has ended, and the process may live on to clean up: unless the lease was regained meanwhile, and perhaps lost
    /// again, which has handlers of its own that may not have returned.
    /// </summary>
    private void Stop(Action? handlers, long end)
    {
        handlers?.Invoke();
        lock (_gate)
        {
            if (_ends == end && _state is LeaseState.Lost or LeaseState.Taken)
            {
                _death.Disarm();
            }
        }
    }

    /// <summary>Under _gate. Also when nobody had noticed yet that the lease was over.</summary>
    private void RaiseIfRegained(bool couldWrite)
    {
        if (!couldWrite && MayWrite)
        {
            ThreadPool.QueueUserWorkItem(_ => Regained?.Invoke());
        }
    }

    /// <summary>Under _gate.</summary>
    private void Renew(long moment)
    {
        if (moment <= _renewedAt)
        {
            return;
        }
        _renewedAt = moment;
        _lease.Renew(moment);
        _leaseEnd = moment + (long)(_ownership.Lease.TotalSeconds * _clock.TimestampFrequency);
        _death.Arm(_leaseEnd);
        MoveGate();
        _end.Change(_lease.UntilOwnerMustStop, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Under _gate. It stays where it is for a guest that is another's, and stands open for one that nobody may take.</summary>
    private void MoveGate()
    {
        if (_state is LeaseState.Held)
        {
            Gate?.OpenUntil(Math.Min(_leaseEnd, _speaking.Until));
        }
    }

    /// <summary>The lease's end may have come.</summary>
    private void Check()
    {
        long end;
        lock (_gate)
        {
            if (_state is not LeaseState.Held)
            {
                return;
            }
            if (!_lease.OwnerMustStop)
            {
                // Renewed meanwhile, or a timer that was early.
                _end.Change(_lease.UntilOwnerMustStop + TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
                return;
            }
            _state = LeaseState.Lost;
            end = ++_ends;
        }
        _logger.LeaseLost();
        Stop(Lost, end);
    }
}
