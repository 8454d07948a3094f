// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;

namespace Hikae.Host.Metrics;

/// <summary>How much memory a host has for replicas and guests.</summary>
/// <param name="TotalBytes">All of it.</param>
/// <param name="AvailableBytes">What could be taken without swapping, by the kernel's estimate.</param>
internal sealed record HostMemory(long TotalBytes, long AvailableBytes)
{
    private const long BytesPerKib = 1024;

    /// <param name="lines">Of /proc/meminfo, as proc_meminfo(5) has them. Null when a number is missing.</param>
    public static HostMemory? Parse(IReadOnlyCollection<string> lines) =>
        Bytes(lines, "MemTotal:") is long total && Bytes(lines, "MemAvailable:") is long available ? new HostMemory(total, available) : null;

    /// <summary>Of this host, now.</summary>
    public static HostMemory? Read()
    {
        try
        {
            return Parse(File.ReadAllLines("/proc/meminfo"));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static long? Bytes(IEnumerable<string> lines, string name) =>
        lines.FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal)) is string line
        && line[name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries) is [var number, "kB"]
        && long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out long kib)
            ? kib * BytesPerKib
            : null;
}
