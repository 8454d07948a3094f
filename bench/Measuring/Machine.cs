// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;

namespace Hikae.Bench.Measuring;

/// <summary>The machine that was measured on, in words.</summary>
internal static class Machine
{
    public static string Description
    {
        get
        {
            string processor = ReadField("/proc/cpuinfo", "model name") ?? "unknown processor";
            string memory = ReadField("/proc/meminfo", "MemTotal") ?? "0 kB";
            double gib = double.Parse(memory.Split(' ')[0], CultureInfo.InvariantCulture) / (1024 * 1024);
            return string.Create(
                CultureInfo.InvariantCulture,
                $"{Environment.ProcessorCount} cores ({processor}), {gib:0} GiB, Linux {File.ReadAllText("/proc/sys/kernel/osrelease").Trim()}, guests under TCG");
        }
    }

    /// <summary>Runnable tasks, mean of the last minute; above the number of cores others disturb what is measured.</summary>
    public static double LoadAverage => double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture);

    private static string? ReadField(string file, string name) => File.ReadLines(file)
        .FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))?.Split(':', 2)[1].Trim();
}
