// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;

namespace Hikae.Harness.Chaos;

/// <summary>Compares from which hosts the guest was heard with which hosts owned it: they must be the same hosts in the same order.</summary>
/// <remarks>An owner may not be heard at all, when it lost the guest again at once. A host that is heard after the next owner was heard is a double owner.</remarks>
public sealed class DoubleOwnerCount
{
    private int _runs;
    private int _owner;

    /// <summary>The host heard last is the owner now; what was before is not looked at.</summary>
    public void Begin(IReadOnlyList<LanRun> runs, IReadOnlyList<string> owners)
    {
        ArgumentNullException.ThrowIfNull(runs);
        ArgumentNullException.ThrowIfNull(owners);
        _runs = runs.Count;
        _owner = owners.Count - 1;
    }

    /// <summary>What does not fit among the runs that are new since the last time.</summary>
    public IReadOnlyList<string> Judge(IReadOnlyList<LanRun> runs, IReadOnlyList<string> owners)
    {
        ArgumentNullException.ThrowIfNull(runs);
        ArgumentNullException.ThrowIfNull(owners);
        var findings = new List<string>();
        foreach (LanRun run in runs.Skip(_runs))
        {
            int next = Enumerable.Range(_owner, owners.Count - _owner).FirstOrDefault(index => owners[index] == run.Host, -1);
            if (next < 0)
            {
                findings.Add(
                    $"{run.Host} was heard ({run.Frames} frames in {run.LastMs - run.FirstMs} ms) when it was not the owner: heard were "
                    + $"{string.Join(", ", runs.Skip(Math.Max(0, _runs - 1)).Select(heard => heard.Host))}, owners were {string.Join(", ", owners.Skip(_owner))}");
            }
            else
            {
                _owner = next;
            }
        }

        _runs = runs.Count;
        return findings;
    }
}
