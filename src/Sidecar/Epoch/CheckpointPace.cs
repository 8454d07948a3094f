// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Annotation;
using Hikae.Protocol.Configuration;

namespace Hikae.Sidecar.Epoch;

/// <summary>Decides when the next checkpoint is due.</summary>
/// <remarks>
/// A guest that dirties memory is checkpointed at the given interval; one that hardly does, ever more rarely, up to the longest one. So is one that is large or busy
/// and pays much for each: what nobody waits for may cost only a small part of its time, and nothing is lost by a longer epoch but work that nobody has seen. A checkpoint
/// costs it the pause, and after it the first write to each page that it writes again. The second is counted only as long as epochs stay so small that whoever asks is answered
/// soon: a guest that writes ever new pages pays for each of them once, however long its epochs are. Where outputs are not held the work has been seen, and the pause alone counts.
/// Whoever waits for a commit asks for one at once, not sooner than the shortest interval after the last, nor before the guest has run some times as long as it stood. The
/// question stands until a checkpoint answers it: one that was put off does not, and what was asked before the line was drawn needs no second checkpoint.
/// </remarks>
internal sealed class CheckpointPace : IDisposable
{
    // An idle Linux guest dirties some dozens of pages a second (timer, statistics); below this an epoch counts as idle.
    private const long IdlePages = 64;

    // 16 MiB. An epoch does not grow beyond for the sake of first writes.
    private const long LargePages = 4096;

    // Of the guest's time: 2 % when nobody waits, a quarter when somebody does.
    private const int UnaskedShare = 50;
    private const int AskedShare = 4;

    // Of what checkpoints cost, the newest counts for one part in so many.
    private const int Weight = 4;

    private readonly TimeProvider _clock;
    private readonly TimeSpan _shortest;
    private readonly TimeSpan _interval;
    private readonly TimeSpan _longest;
    private readonly bool _isSeen;
    private readonly Lazy<TimeSpan> _firstWrite;
    private readonly ManualResetEventSlim _asked = new();
    private long _lastStart;
    private TimeSpan _lasted;
    private TimeSpan _wait;
    private TimeSpan _stood;
    private TimeSpan _writes;

    /// <param name="clock">What intervals are measured with.</param>
    /// <param name="configuration">The intervals.</param>
    /// <param name="annotation">The guest's own interval, and whether its outputs are held.</param>
    /// <param name="firstWrite">What the first write to a protected page costs the guest. Asked after the first checkpoint.</param>
    public CheckpointPace(TimeProvider clock, CheckpointConfiguration configuration, ProtectAnnotation annotation, Lazy<TimeSpan> firstWrite)
    {
        _clock = clock;
        _shortest = configuration.MinInterval;
        _interval = annotation.Interval ?? configuration.Interval;
        _longest = configuration.MaxInterval > _interval ? configuration.MaxInterval : _interval;
        _isSeen = !annotation.HoldsOutputs;
        _firstWrite = firstWrite;
        _wait = _interval;
        _lastStart = clock.GetTimestamp();
    }

    /// <summary>Somebody waits for a commit. Any thread.</summary>
    public void Ask() => _asked.Set();

    /// <summary>The guest stands still, and what was asked for so far is part of the epoch that ends here. Also when no checkpoint can be made at all.</summary>
    public void Answer() => _asked.Reset();

    /// <summary>Waits until the next checkpoint is due. Checkpoint thread only.</summary>
    public void Wait(CancellationToken cancellationToken)
    {
        TimeSpan untilShortest = AskedInterval - _clock.GetElapsedTime(_lastStart);
        if (untilShortest > TimeSpan.Zero)
        {
            cancellationToken.WaitHandle.WaitOne(untilShortest);
            cancellationToken.ThrowIfCancellationRequested();
        }
        TimeSpan untilDue = _wait - _clock.GetElapsedTime(_lastStart);
        if (untilDue > TimeSpan.Zero)
        {
            _asked.Wait(untilDue, cancellationToken);
        }
        _lasted = _clock.GetElapsedTime(_lastStart);
        _lastStart = _clock.GetTimestamp();
    }

    /// <summary>Learns from an epoch how busy the guest is, and what checkpoints cost it. Checkpoint thread only.</summary>
    /// <param name="dirtyPages">Pages the guest wrote in the epoch.</param>
    /// <param name="stood">How long it stood still at its end.</param>
    public void Observe(long dirtyPages, TimeSpan stood)
    {
        _stood += (stood - _stood) / Weight;
        _writes += ((_firstWrite.Value * Math.Min(dirtyPages, LargePages)) - _writes) / Weight;
        _wait = Clamp(dirtyPages <= IdlePages ? _wait * 2 : Affordable(dirtyPages), _interval, _longest);
    }

    public void Dispose() => _asked.Dispose();

    private TimeSpan AskedInterval => Clamp(_stood * AskedShare, _shortest, _interval);

    private TimeSpan Affordable(long dirtyPages)
    {
        if (_isSeen)
        {
            return _stood * AskedShare;
        }
        TimeSpan untilLarge = _lasted * LargePages / dirtyPages;
        TimeSpan forPause = _stood * UnaskedShare;
        return Clamp((_stood + _writes) * UnaskedShare, forPause, untilLarge > forPause ? untilLarge : forPause);
    }

    private static TimeSpan Clamp(TimeSpan value, TimeSpan least, TimeSpan most) => value < least ? least : value > most ? most : value;
}
