// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Bench.Measuring;
using Hikae.Harness.Labs;

namespace Hikae.Bench.Benchmarks;

/// <summary>One failover: how long clients heard nothing, and what the backup's sidecar did meanwhile.</summary>
/// <param name="OutageMs">From the cut to the next datagram.</param>
/// <param name="Steps">In order; together they are the outage: the last one ends with the datagram.</param>
internal sealed record FailoverTimes(double OutageMs, IReadOnlyList<(string Name, double Ms)> Steps)
{
    // What ends a step is a line of the sidecar's log.
    private static readonly (string Step, string EndsWith)[] LogLines =
    [
        ("detect", "The link is lost"),
        ("claim", "Failover begins"),
        ("create", "domain created after"),
        ("load", "devices loaded after"),
        ("run", "guest runs after"),
    ];

    /// <summary>Reads the steps from the sidecar's log on the backup.</summary>
    public static FailoverTimes Read(LabHost backup, LabGuest guest, DateTimeOffset cutAt, double outageMs)
    {
        var steps = new List<(string, double)>();
        double done = 0;
        foreach ((string step, string end) in LogLines)
        {
            if (SidecarLogTimes.Last(backup, guest, end) is { } moment)
            {
                double at = (moment - cutAt).TotalMilliseconds;
                steps.Add((step, at - done));
                done = at;
            }
        }
        steps.Add(("first_datagram", outageMs - done));
        return new FailoverTimes(outageMs, steps);
    }
}
