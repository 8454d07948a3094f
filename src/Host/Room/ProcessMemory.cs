// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;

namespace Hikae.Host.Room;

/// <summary>What one process takes of this host's memory.</summary>
internal static class ProcessMemory
{
    private const long BytesPerKib = 1024;

    /// <summary>
    /// Bytes that go when the process does: what it has for itself (RssAnon) and its buffers in tmpfs (RssShmem), as proc_pid_status(5) has them. Its program is left out: all
    /// sidecars share it. 0: there is no such process.
    /// </summary>
    public static long OwnBytes(int pid) => Sum(pid, "RssAnon:", "RssShmem:");

    /// <summary>Bytes resident, programs and libraries included. 0: there is no such process.</summary>
    public static long ResidentBytes(int pid) => Sum(pid, "VmRSS:");

    private static long Sum(int pid, params ReadOnlySpan<string> names)
    {
        long sum = 0;
        try
        {
            foreach (string line in File.ReadLines($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/status"))
            {
                foreach (string name in names)
                {
                    if (line.StartsWith(name, StringComparison.Ordinal)
                        && line[name.Length..].Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries) is [var number, "kB"]
                        && long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out long kib))
                    {
                        sum += kib * BytesPerKib;
                    }
                }
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
        return sum;
    }
}
