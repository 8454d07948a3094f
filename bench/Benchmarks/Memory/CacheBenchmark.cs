// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.Text.Json;
using Hikae.Bench.Figures;
using Hikae.Bench.Measuring;
using Hikae.Harness.Labs;

namespace Hikae.Bench.Benchmarks;

/// <summary>What a guest with a page cache takes of the backup's memory, and what looking for that cache on its disk costs: run with --set soft.on_disk=no and =yes.</summary>
internal sealed class CacheBenchmark : Benchmark
{
    private const string Guest = "cache";
    private const int MemoryMiB = 512;
    private const int NoiseMiB = 128;
    private const int TextMiB = 64;
    private const int WrittenMiB = 48;

    private static readonly TimeSpan SettleLimit = TimeSpan.FromMinutes(5);

    public override string Name => "cache";

    public override string Summary => "memory on the backup for a guest with a page cache, and what finding that on its disk costs";

    protected override void Measure(Lab lab, BenchmarkOptions options, Report report)
    {
        options.Say("starting the guest, filling its page cache");
        LabGuest guest = lab.StartGuest(Guest, new LabGuestOptions { MemoryMiB = MemoryMiB, Nic = true, Agent = true, App = "idle", Disk = "1G" });
        guest.Run(
            $"cd /data; dd if=/dev/urandom of=noise bs=1M count={NoiseMiB} 2>/dev/null; seq 100000000 | head -c {TextMiB << 20} > text; sync; "
            + "echo 3 > /proc/sys/vm/drop_caches; cat noise text > /dev/null");
        lab.HostA.Hikae("enable", Guest, "--backup", lab.HostB.Name);
        Waiting.UntilProtected(lab, lab.HostA, Guest);
        options.Say("protected; until the replica is as small as it gets");
        Waiting.Until("the disk is looked through and the replica stays as it is", SettleLimit, () => ReplicaWatch.IsSettled(lab.HostA, lab.HostB, Guest), lab.Logs);

        var primary = new ProcessFigures(lab.HostA, guest.SidecarOn(lab.HostA) ?? throw new LabException("no sidecar on the primary"));
        var backup = new ProcessFigures(lab.HostB, guest.SidecarOn(lab.HostB) ?? throw new LabException("no sidecar on the backup"));
        JsonElement status = GuestStatusReader.Read(lab.HostB, Guest);
        report.Add("guest_bytes", MemoryMiB * 1048576.0);
        report.Add("guest_cached_bytes", CachedBytes(guest));
        report.Add("replica_bytes", status.GetProperty("backupBytes").GetInt64());
        report.Add("replica_table_bytes", status.GetProperty("backupParts").GetProperty("tableBytes").GetInt64());
        report.Add("on_disk_pages", status.GetProperty("softPages").GetProperty("onDisk").GetInt64());
        report.Add("backup_sidecar_bytes", backup.PssBytes);
        report.Add("primary_sidecar_bytes", primary.PssBytes);

        options.Say("writing");
        Cost(lab, primary, "write", () => guest.Run($"dd if=/dev/zero bs=1M count={WrittenMiB} 2>/dev/null | tr '\\0' 'x' | dd of=/data/more bs=1M conv=fsync 2>/dev/null"), report);
        options.Say("reading");
        Cost(lab, primary, "read", () => guest.Run($"echo 3 > /proc/sys/vm/drop_caches; cat /data/noise /data/text > /dev/null"), report);
        JsonElement pauses = GuestStatusReader.Read(lab.HostA, Guest);
        report.Add("pause_ms_p50", pauses.GetProperty("pauseMsP50").GetDouble());
        report.Add("pause_ms_p99", pauses.GetProperty("pauseMsP99").GetDouble());
        report.Note("guest", $"{MemoryMiB} MiB, 1 virtual processor, ext4 with {NoiseMiB} MiB of noise and {TextMiB} MiB of text, all of it read before it was protected; outputs held");
        report.Note("write, read", $"{WrittenMiB} MiB written and synced, then {NoiseMiB + TextMiB} MiB read past the guest's cache; seconds as outside the guest; cpu: the primary's sidecar");
    }

    private static double CachedBytes(LabGuest guest) =>
        1024.0 * long.Parse(guest.Run("sed -n 's/^Cached: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo").Trim(), CultureInfo.InvariantCulture);

    private static void Cost(Lab lab, ProcessFigures sidecar, string name, Action work, Report report)
    {
        double cpu = sidecar.CpuMs;
        long checkpoints = Checkpoints(lab);
        long started = System.Diagnostics.Stopwatch.GetTimestamp();
        work();
        report.Add($"{name}_seconds", System.Diagnostics.Stopwatch.GetElapsedTime(started).TotalSeconds);
        report.Add($"{name}_cpu_ms", sidecar.CpuMs - cpu);
        report.Add($"{name}_checkpoints", Checkpoints(lab) - checkpoints);
    }

    private static long Checkpoints(Lab lab) => GuestStatusReader.Read(lab.HostA, Guest).GetProperty("replicated").GetProperty("checkpoints").GetInt64();
}
