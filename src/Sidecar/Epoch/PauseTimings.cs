// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;

namespace Hikae.Sidecar.Epoch;

/// <summary>How long the guest stood still for one checkpoint, split into steps. Filled on the checkpoint thread, then read only.</summary>
internal sealed class PauseTimings(EpochId epoch)
{
    private readonly List<(string Name, double Ms)> _steps = new(8);
    private long _last = Stopwatch.GetTimestamp();

    public EpochId Epoch { get; } = epoch;

    /// <summary>Each step's name and milliseconds, in order: stop, scan, copy, devices, cont.</summary>
    public IReadOnlyList<(string Name, double Ms)> Steps => _steps;

    /// <summary>Milliseconds of the whole pause.</summary>
    public double TotalMs { get; private set; }

    /// <summary>The guest is being stopped now: what came before is no pause.</summary>
    public void Start() => _last = Stopwatch.GetTimestamp();

    /// <summary>The time since the last mark, or since the start, was spent on <paramref name="step"/>.</summary>
    public void Mark(string step) => MarkAt(step, Stopwatch.GetTimestamp());

    /// <summary>As <see cref="Mark"/>, for a step that ended at timestamp <paramref name="now"/>.</summary>
    public void MarkAt(string step, long now)
    {
        double ms = Stopwatch.GetElapsedTime(_last, now).TotalMilliseconds;
        _steps.Add((step, ms));
        TotalMs += ms;
        _last = now;
    }
}
