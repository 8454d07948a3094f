// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;

namespace Hikae.Harness.Chaos;

/// <summary>Compares from which hosts the guest was heard with which hosts owned it: the same hosts in the same order, and none after it lost the guest.</summary>
/// <remarks>An owner may not be heard at all, when it lost the guest again at once.</remarks>
public sealed class DoubleOwnerCount
{
    // The time of a file's making is that of the kernel's last tick, 10 ms at most, rounded as ours is.
    private const int ClockMs = 12;

    private int _runs;
    private int _owner;

    /// <summary>The host heard last is the owner now; what was before is not looked at.</summary>
    public void Begin(IReadOnlyList<LanRun> runs, IReadOnlyList<OwnerChange> owners)
    {
        ArgumentNullException.ThrowIfNull(runs);
        ArgumentNullException.ThrowIfNull(owners);
        _runs = runs.Count;
        _owner = owners.Count - 1;
    }

    /// <summary>What does not fit among the runs that are new since the last time.</summary>
    public IReadOnlyList<string> Judge(IReadOnlyList<LanRun> runs, IReadOnlyList<OwnerChange> owners)
    {
        ArgumentNullException.ThrowIfNull(runs);
        ArgumentNullException.ThrowIfNull(owners);
        var findings = new List<string>();
        for (; _runs < runs.Count; _runs++)
        {
            LanRun run = runs[_runs];
            int owner = Enumerable.Range(_owner, owners.Count - _owner).FirstOrDefault(index => owners[index].Host == run.Host, -1);
            if (owner < 0)
            {
                findings.Add(
                    $"{run.Host} was heard ({run.Frames} frames in {run.LastMs - run.FirstMs} ms) after its next owner was; owners were "
                    + string.Join(", ", owners.Skip(_owner).Select(change => change.Host)));
                continue;
            }

            if (_runs > 0 && owner > _owner && runs[_runs - 1] is { } before && before.Host == owners[_owner].Host
                && before.LastMs > owners[_owner + 1].AtMs + ClockMs)
            {
                findings.Add($"{before.Host} was still heard {before.LastMs - owners[_owner + 1].AtMs} ms after {owners[_owner + 1].Host} had claimed the guest");
            }

            _owner = owner;
        }

        return findings;
    }
}
