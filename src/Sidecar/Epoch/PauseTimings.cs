// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Epoch;

/// <summary>How long the guest stood still for one checkpoint, split into steps. Filled on the checkpoint thread, then guarded by <see cref="PauseStatistics"/>.</summary>
/// <remarks>
/// What is marked here begins with the sending of a command and ends with its answer. The guest runs during the first part and the last, of which
/// QEMU's own account, which comes later, knows: see <see cref="TryNarrow"/>.
/// </remarks>
internal sealed class PauseTimings(EpochId epoch, TimeProvider? clock = null)
{
    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly List<(string Name, double Ms)> _steps = new(8);
    private long _last = (clock ?? TimeProvider.System).GetTimestamp();
    private DateTimeOffset _startedAt = (clock ?? TimeProvider.System).GetUtcNow();

    public EpochId Epoch { get; } = epoch;

    /// <summary>Each step's name and milliseconds, in order: stop, scan, copy, devices, cont.</summary>
    public IReadOnlyList<(string Name, double Ms)> Steps => _steps;

    /// <summary>Milliseconds from the command's sending to its answer.</summary>
    public double CommandMs { get; private set; }

    /// <summary>Milliseconds the guest stood still: by QEMU's account where there is one, else <see cref="CommandMs"/>, which is more.</summary>
    public double TotalMs => _steps.Sum(step => step.Ms);

    /// <summary>The guest is being stopped now: what came before is no pause.</summary>
    public void Start()
    {
        _last = _clock.GetTimestamp();
        _startedAt = _clock.GetUtcNow();
    }

    /// <summary>The time since the last mark, or since the start, was spent on <paramref name="step"/>.</summary>
    public void Mark(string step) => MarkAt(step, _clock.GetTimestamp());

    /// <summary>As <see cref="Mark"/>, for a step that ended at timestamp <paramref name="now"/>.</summary>
    public void MarkAt(string step, long now)
    {
        double ms = _clock.GetElapsedTime(_last, now).TotalMilliseconds;
        _steps.Add((step, ms));
        CommandMs += ms;
        _last = now;
    }

    /// <summary>
    /// Takes off what the guest ran at both ends, if it stood still from <paramref name="stopped"/> to <paramref name="resumed"/> by this host's clock.
    /// False: that was another pause, or the clock was set meanwhile; then nothing is changed.
    /// </summary>
    public bool TryNarrow(DateTimeOffset stopped, DateTimeOffset resumed)
    {
        double before = (stopped - _startedAt).TotalMilliseconds;
        double after = CommandMs - (resumed - _startedAt).TotalMilliseconds;
        if (before < 0 || after < 0 || resumed < stopped)
        {
            return false;
        }

        for (int i = 0; i < _steps.Count; i++)
        {
            before -= Shorten(i, before);
        }

        for (int i = _steps.Count - 1; i >= 0; i--)
        {
            after -= Shorten(i, after);
        }

        return true;
    }

    private double Shorten(int step, double ms)
    {
        (string name, double whole) = _steps[step];
        double taken = Math.Min(whole, ms);
        _steps[step] = (name, whole - taken);
        return taken;
    }
}
