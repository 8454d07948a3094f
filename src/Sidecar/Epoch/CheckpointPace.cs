// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Epoch;

/// <summary>Decides when the next checkpoint is due.</summary>
/// <remarks>
/// A guest that dirties memory is checkpointed at the given interval; one that hardly does, ever more rarely, up to the longest one.
/// Whoever waits for a commit asks for one at once, not sooner than the shortest interval after the last. The question stands until a
/// checkpoint answers it: one that was put off does not, and what was asked before the line was drawn needs no second checkpoint.
/// </remarks>
internal sealed class CheckpointPace : IDisposable
{
    // An idle Linux guest dirties some dozens of pages a second (timer, statistics); below this an epoch counts as idle.
    private const long IdlePages = 64;

    private readonly TimeProvider _clock;
    private readonly TimeSpan _shortest;
    private readonly TimeSpan _interval;
    private readonly TimeSpan _longest;
    private readonly ManualResetEventSlim _asked = new();
    private long _lastStart;
    private TimeSpan _wait;

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
        TimeSpan untilShortest = _shortest - _clock.GetElapsedTime(_lastStart);
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

    /// <summary>Learns from an epoch how busy the guest is. Checkpoint thread only.</summary>
    /// <param name="dirtyPages">Pages the guest wrote in the epoch.</param>
    public void Observe(long dirtyPages)
    {
        _wait = dirtyPages <= IdlePages ? TimeSpan.FromTicks(Math.Min(_longest.Ticks, _wait.Ticks * 2)) : _interval;
    }

    public void Dispose() => _asked.Dispose();
}
