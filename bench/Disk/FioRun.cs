// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Text.Json;

namespace Hikae.Bench.Disk;

/// <summary>One run of fio against one target.</summary>
/// <param name="Iops">Writes a second, over the whole run.</param>
/// <param name="MegabytesPerSecond">10^6 bytes a second.</param>
/// <param name="SyncMicroseconds">Median time of one fsync; 0 when there was none.</param>
internal sealed record FioRun(double Iops, double MegabytesPerSecond, double SyncMicroseconds)
{
    /// <param name="target">fio's options that say what is written.</param>
    /// <param name="workload">fio's options that say how.</param>
    public static FioRun Of(IEnumerable<string> target, IEnumerable<string> workload)
    {
        using Process fio = Process.Start(new ProcessStartInfo(
            Isolated.Program, [.. Isolated.Prefix, "fio", "--name=bench", "--output-format=json", "--randrepeat=0", .. target, .. workload])
        {
            RedirectStandardOutput = true,
        })!;
        string output = fio.StandardOutput.ReadToEnd();
        fio.WaitForExit();
        if (fio.ExitCode != 0)
        {
            throw new InvalidOperationException($"fio ended with {fio.ExitCode}: {output}");
        }
        JsonElement job = JsonDocument.Parse(output[output.IndexOf('{', StringComparison.Ordinal)..]).RootElement.GetProperty("jobs")[0];
        JsonElement write = job.GetProperty("write");
        double sync = job.TryGetProperty("sync", out JsonElement syncs) && syncs.GetProperty("lat_ns").TryGetProperty("percentile", out JsonElement percentiles)
            ? percentiles.GetProperty("50.000000").GetDouble() / 1000
            : 0;
        return new FioRun(write.GetProperty("iops").GetDouble(), write.GetProperty("bw_bytes").GetDouble() / 1e6, sync);
    }
}
