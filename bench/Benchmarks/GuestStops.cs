// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.Text.RegularExpressions;
using Hikae.Harness.Labs;

namespace Hikae.Bench.Benchmarks;

/// <summary>How long a guest's processors stood, by QEMU's own account: the times in its STOP and RESUME events.</summary>
/// <remarks>
/// STOP is sent when the processors stand, RESUME right before they go on (QEMU system/cpus.c, do_vm_stop and vm_prepare_start). The sidecar
/// counts from the command's sending to its answer, both ways through libvirtd, during parts of which the guest runs.
/// </remarks>
internal static partial class GuestStops
{
    /// <summary>Watches for a while; milliseconds of each stop that began and ended meanwhile, in order.</summary>
    public static IReadOnlyList<double> Watch(LabHost host, string guest, TimeSpan time)
    {
        string seconds = ((int)time.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        // A timeout is virsh's way to say that it is done, with exit status 1 when nothing was seen.
        string output = host.Shell($"virsh qemu-monitor-event {guest} --loop --timeout {seconds}; true");
        var stops = new List<double>();
        double? stoppedAt = null;
        foreach (Match line in Event().Matches(output))
        {
            double at = double.Parse(line.Groups["at"].Value, CultureInfo.InvariantCulture);
            if (line.Groups["name"].Value == "STOP")
            {
                stoppedAt = at;
            }
            else if (stoppedAt is { } stopped)
            {
                stops.Add((at - stopped) * 1000);
                stoppedAt = null;
            }
        }
        return stops;
    }

    [GeneratedRegex(@"^event '?(?<name>STOP|RESUME)'? at (?<at>\d+\.\d+)", RegexOptions.Multiline)]
    private static partial Regex Event();
}
