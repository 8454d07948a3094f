// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Recovery;

/// <summary>Until when packets may leave this host, because its backup surely does not let the guest speak there yet.</summary>
/// <remarks>
/// Theory of operation. A lease says when the former owner has stopped writing; the backup's guest runs, and speaks, long before its end. But a backup takes a guest only
/// after it has heard nothing from the primary for its patience. So whatever it acknowledged proves that it lets the guest not speak until that time
/// after it was sent, and the right ends then. It is renewed with each epoch that is committed, which is when packets leave.
///
/// Where an acknowledgement came too late to prove anything (a link so slow, or a host that stood still: they look alike), packets wait until the arbiter
/// was asked. A claim comes before the guest speaks; so an answer that names this host gives a moment's right, enough for what waits.
/// Any thread.
/// </remarks>
internal sealed class SpeakingRight
{
    // Of the patience: what must be left when a packet is handed to QEMU, which has to pass it on within the right.
    private const int ReserveShare = 5;

    private readonly TimeProvider _clock;
    private readonly Action _ask;
    private readonly Lock _gate = new();

    // written under _gate
    private long _until;
    private long _patience;
    private long _wantedAt;

    private int _asking;
    private int _someoneWaits;

    /// <param name="clock">The lease's.</param>
    /// <param name="ask">Reads the arbiter, whose answer is told to <see cref="Answered"/>. Called on a pool thread.</param>
    public SpeakingRight(TimeProvider clock, Action ask)
    {
        _clock = clock;
        _ask = ask;
    }

    /// <summary>Who was refused may speak again. On a pool thread.</summary>
    public event Action? GivenAgain;

    /// <summary>A timestamp; packets must not leave after it.</summary>
    public long Until => Volatile.Read(ref _until);

    /// <summary>The backup acknowledged what was sent at this moment or later, and takes no guest before it has heard nothing for its patience.</summary>
    public void Heard(long sentAt, TimeSpan patience)
    {
        lock (_gate)
        {
            _patience = (long)(patience.TotalSeconds * _clock.TimestampFrequency);
            _until = Math.Max(_until, sentAt + _patience);
        }
        WakeWhoWaits();
    }

    /// <summary>The arbiter named this host when it was asked at this moment.</summary>
    public void Answered(long askedAt)
    {
        lock (_gate)
        {
            // Nobody waits for this answer: then it gives no right, which the next moment could make untrue.
            if (_wantedAt == 0 || askedAt < _wantedAt)
            {
                return;
            }
            _wantedAt = 0;
            _until = Math.Max(_until, _clock.GetTimestamp() + (2 * _patience / ReserveShare));
        }
        WakeWhoWaits();
    }

    /// <summary>Whether a packet that leaves now leaves in time. False: <see cref="GivenAgain"/> will be raised.</summary>
    public bool IsGiven()
    {
        if (HasReserve)
        {
            return true;
        }
        Volatile.Write(ref _someoneWaits, 1);
        if (HasReserve)
        {
            return true;
        }
        if (Interlocked.Exchange(ref _asking, 1) == 0)
        {
            ThreadPool.QueueUserWorkItem(_ => Ask());
        }
        return false;
    }

    private bool HasReserve => _clock.GetTimestamp() + (Volatile.Read(ref _patience) / ReserveShare) < Until;

    private void Ask()
    {
        try
        {
            lock (_gate)
            {
                _wantedAt = Math.Max(1, _clock.GetTimestamp());
            }
            _ask();
        }
        finally
        {
            Volatile.Write(ref _asking, 0);
        }
    }

    private void WakeWhoWaits()
    {
        if (HasReserve && Interlocked.Exchange(ref _someoneWaits, 0) != 0)
        {
            ThreadPool.QueueUserWorkItem(_ => GivenAgain?.Invoke());
        }
    }
}
