// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using Hikae.Harness.Labs;

namespace Hikae.Bench.Measuring;

/// <summary>What /proc says of one process of a lab host.</summary>
/// <param name="host">Where it runs.</param>
/// <param name="pid">Its number there.</param>
internal sealed class ProcessFigures(LabHost host, int pid)
{
    // USER_HZ, the unit of /proc/PID/stat, is 100 on every Linux a user sees.
    private const double MsPerTick = 10;

    /// <summary>User and system time of all its threads so far, in ms.</summary>
    public double CpuMs
    {
        get
        {
            string line = host.Run("cat", $"/proc/{pid}/stat");
            string[] fields = line[(line.LastIndexOf(')') + 2)..].Split(' ');
            return MsPerTick * (Number(fields[11]) + Number(fields[12]));
        }
    }

    /// <summary>Bytes of memory that are its alone, and its part of what it shares.</summary>
    public long PssBytes => Rollup("Pss:");

    /// <summary>Bytes of memory it has in its page tables, shared or not.</summary>
    public long RssBytes => Rollup("Rss:");

    private long Rollup(string field)
    {
        string line = host.Run("cat", $"/proc/{pid}/smaps_rollup").Split('\n').First(text => text.StartsWith(field, StringComparison.Ordinal));
        return 1024 * Number(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]);
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
