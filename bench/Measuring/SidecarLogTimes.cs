// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.Text.RegularExpressions;
using Hikae.Harness.Labs;

namespace Hikae.Bench.Measuring;

/// <summary>When a guest's sidecar on a host did something, by its log; all hosts and this program share one clock.</summary>
internal static partial class SidecarLogTimes
{
    /// <summary>The time of the last line with this text; null when there is none.</summary>
    public static DateTimeOffset? Last(LabHost host, LabGuest guest, string text)
    {
        string file = host.PathOf($"/var/log/hikae/{guest.Uuid}.log");
        string? line = File.Exists(file) ? File.ReadLines(file).LastOrDefault(line => line.Contains(text, StringComparison.Ordinal)) : null;
        return line is null ? null : DateTimeOffset.Parse(Timestamp().Match(line).Value, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+[+-]\d\d:\d\d")]
    private static partial Regex Timestamp();
}
