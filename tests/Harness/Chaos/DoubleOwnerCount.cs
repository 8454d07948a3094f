// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;

namespace Hikae.Harness.Chaos;

/// <summary>Compares when the guest was heard from which host with when that host owned it: no frame may come before its host's claim, or after the next one's.</summary>
public sealed class DoubleOwnerCount
{
    // The time of a file's making is that of the kernel's last tick, 10 ms at most, rounded as ours is.
    private const int ClockMs = 12;

    // The last one that was seen may still grow.
    private int _judged;
    private long _foundFirstMs = -1;
    private long _beganMs;

    /// <summary>What was heard before is not looked at, but for the last, which goes on.</summary>
    public void Begin(IReadOnlyList<LanRun> runs)
    {
        ArgumentNullException.ThrowIfNull(runs);
        _judged = Math.Max(0, runs.Count - 1);
        _beganMs = runs.Count > 0 ? runs[^1].LastMs : 0;
    }

    /// <summary>What does not fit among the runs that are new, or have grown, since the last time; each is told once.</summary>
    /// <param name="runs">As <see cref="LanWatch.PartsOf"/> gives them.</param>
    /// <param name="owners">All so far, in order.</param>
    public IReadOnlyList<string> Judge(IReadOnlyList<LanRun> runs, IReadOnlyList<OwnerChange> owners)
    {
        ArgumentNullException.ThrowIfNull(runs);
        ArgumentNullException.ThrowIfNull(owners);
        var findings = new List<string>();
        foreach (LanRun run in runs.Skip(_judged))
        {
            if (run.FirstMs != _foundFirstMs && Fault(run, owners) is { } fault)
            {
                findings.Add(fault);
                _foundFirstMs = run.FirstMs;
            }
        }

        _judged = Math.Max(0, runs.Count - 1);
        return findings;
    }

    private string? Fault(LanRun run, IReadOnlyList<OwnerChange> owners)
    {
        long first = Math.Max(run.FirstMs, _beganMs);
        int owner = -1;
        for (int i = 0; i < owners.Count && owners[i].AtMs <= first + ClockMs; i++)
        {
            // A claim that came at the very moment of the first frame may be of this host, or of the next one.
            owner = owner < 0 || owners[i].Host == run.Host || owners[i].AtMs <= first - ClockMs ? i : owner;
        }

        string heard = $"{run.Host} was heard ({run.Frames} frames in {run.LastMs - run.FirstMs} ms)";
        if (owner < 0 || owners[owner].Host != run.Host)
        {
            return owner < 0
                ? $"{heard} before anybody owned the guest"
                : $"{heard} {first - owners[owner].AtMs} ms after {owners[owner].Host} had claimed the guest";
        }

        return owner + 1 < owners.Count && run.LastMs > owners[owner + 1].AtMs + ClockMs
            ? $"{run.Host} was still heard {run.LastMs - owners[owner + 1].AtMs} ms after {owners[owner + 1].Host} had claimed the guest"
            : null;
    }
}
