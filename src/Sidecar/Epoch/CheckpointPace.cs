// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Epoch;

/// <summary>Decides when the next checkpoint is due.</summary>
/// <remarks>
/// A guest that dirties memory is checkpointed at the given interval; one that hardly does, ever more rarely, up to the longest one. So is one that is large or busy
/// and stands still for long each time: what nobody waits for may cost only a small part of its time, and nothing is lost by a longer epoch but work that nobody has seen.
/// Whoever waits for a commit asks for one at once, not sooner than the shortest interval after the last, nor before the guest has run some times as long as it stood. The
/// question stands until a checkpoint answers it: one that was put off does not, and what was asked before the line was drawn needs no second checkpoint.
/// </remarks>
internal sealed class CheckpointPace : IDisposable
{
    // An idle Linux guest dirties some dozens of pages a second (timer, statistics); below this an epoch counts as idle.
    private const long IdlePages = 64;

    // Of the guest's time: 2 % when nobody waits, a quarter when somebody does.
    private const int UnaskedShare = 50;
    private const int AskedShare = 4;

    // Of how long the guest stood, the newest counts for one part in so many.
    private const int Weight = 4;

    private readonly TimeProvider _clock;
    private readonly TimeSpan _shortest;
    private readonly TimeSpan _interval;
    private readonly TimeSpan _longest;
    private readonly ManualResetEventSlim _asked = new();
    private long _lastStart;
    private TimeSpan _wait;
    private TimeSpan _stood;

    public CheckpointPace(TimeProvider clock, TimeSpan shortest, TimeSpan interval, TimeSpan longest)
    {
        _clock = clock;
        _shortest = shortest;
        _interval = interval;
        _longest = longest;
        _wait = interval;
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
        _lastStart = _clock.GetTimestamp();
    }

    /// <summary>Learns from an epoch how busy the guest is, and what checkpoints cost it. Checkpoint thread only.</summary>
    /// <param name="dirtyPages">Pages the guest wrote in the epoch.</param>
    /// <param name="stood">How long it stood still at its end.</param>
    public void Observe(long dirtyPages, TimeSpan stood)
    {
        _stood += (stood - _stood) / Weight;
        TimeSpan longer = dirtyPages <= IdlePages ? _wait * 2 : _stood * UnaskedShare;
        _wait = Clamp(longer, _interval, _longest);
    }

    public void Dispose() => _asked.Dispose();

    private TimeSpan AskedInterval => Clamp(_stood * AskedShare, _shortest, _interval);

    private static TimeSpan Clamp(TimeSpan value, TimeSpan least, TimeSpan most) => value < least ? least : value > most ? most : value;
}
