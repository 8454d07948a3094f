// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using Hikae.Bench.Colo;
using Hikae.Bench.Figures;
using Hikae.Bench.Measuring;
using Hikae.Harness.Labs;

namespace Hikae.Bench.Benchmarks;

/// <summary>What the replicas of many guests of two primaries take together on the one backup they share.</summary>
internal sealed class ConsolidationBenchmark : Benchmark
{
    private const int DefaultGuests = 24;
    private const int MemoryMiB = 1024;

    // As many boot at a time as this machine has processors: more only wait for each other.
    private const int Booting = 2;
    private const int Samples = 5;

    private static readonly TimeSpan BootLimit = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan SettleLimit = TimeSpan.FromMinutes(10);
    private const long Still = 8 << 20;

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan BetweenSamples = TimeSpan.FromSeconds(2);

    public override string Name => "consolidation";

    public override string Summary => "memory on one backup for 24 Debian guests of 1 GiB of two primaries";

    protected override int Hosts => 3;

    // Two processors are to run two dozen guests here: they rest between checkpoints.
    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["link.detect_ms"] = "20000", ["arbiter.lease_ms"] = "40000", ["checkpoint.min_interval_ms"] = "5000", ["checkpoint.interval_ms"] = "5000", ["checkpoint.max_interval_ms"] = "10000", ["backup.memory"] = "32 GiB",
    };

    protected override void Measure(Lab lab, BenchmarkOptions options, Report report)
    {
        LabHost backup = lab.Hosts[2];
        LabGuest[] guests = [.. Enumerable.Range(1, options.Runs ?? DefaultGuests).Select(number => lab.Guest($"debian{number}", new LabGuestOptions
        {
            Debian = true, MemoryMiB = MemoryMiB, Nic = true, Agent = true, App = "idle",
        }))];
        LabHost HostOf(int guest) => guest % 2 == 0 ? lab.HostA : lab.HostB;
        for (int first = 0; first < guests.Length; first += Booting)
        {
            options.Say($"guests {first + 1} to {Math.Min(first + Booting, guests.Length)} of {guests.Length}");
            int[] batch = [.. Enumerable.Range(first, Math.Min(Booting, guests.Length - first))];
            foreach (int guest in batch)
            {
                guests[guest].Start(HostOf(guest));
            }
            foreach (int guest in batch)
            {
                // Protected when its agent answers: what is free is not read then. Reading it makes it resident, where the kernel maps no zero page.
                Waiting.Until($"{guests[guest].Name} is up", BootLimit, () => guests[guest].SerialOn(HostOf(guest)).Contains(ColoPair.UpMark, StringComparison.Ordinal), lab.Logs);
                HostOf(guest).Hikae("enable", guests[guest].Name, "--backup", backup.Name);
            }
            foreach (int guest in batch)
            {
                Waiting.UntilProtected(lab, HostOf(guest), guests[guest].Name, BootLimit);
            }
        }
        options.Say($"all are up; idle for {options.Seconds} s, until the replicas are as small as they get");
        Thread.Sleep(options.Window);
        Waiting.Until("the replicas stay as they are", SettleLimit, () => IsSettled(backup, guests.Length), lab.Logs);

        ProcessFigures[] sidecars = [.. guests.Select(guest => new ProcessFigures(backup, guest.SidecarOn(backup) ?? throw new LabException($"no sidecar of {guest.Name} on the backup")))];
        var totals = new List<double>();
        for (int sample = 0; sample < Samples; sample++)
        {
            totals.Add(sidecars.Sum(sidecar => (double)sidecar.PssBytes));
            Thread.Sleep(BetweenSamples);
        }
        report.Add("guests", guests.Length);
        report.Add("guest_bytes_total", guests.Length * (MemoryMiB * 1048576.0));
        report.Add(Figure.Of("backup_bytes_total", totals) with { Target = "<= 1 GiB for 24" });
        report.Add("replica_bytes_total", backup.Reports().Sum(guest => guest.BackupBytes));
        report.Add("daemon_bytes", new ProcessFigures(backup, int.Parse(backup.Run("cat", "/run/hikaed.pid"), CultureInfo.InvariantCulture)).PssBytes);
        report.Note("guest", $"Debian 13 with systemd, {MemoryMiB} MiB, 1 virtual processor, agent on, idle, outputs held; half on each of two primaries; PSS of all backup sidecars");
    }

    private static bool IsSettled(LabHost backup, int guests)
    {
        long? before = ReplicaBytes(backup, guests);
        Thread.Sleep(BetweenLooks);
        return ReplicaBytes(backup, guests) - before is > -Still and < Still;
    }

    // Null: not all have a replica that is whole and known.
    private static long? ReplicaBytes(LabHost backup, int guests)
    {
        long[] bytes = [.. backup.Reports().Where(guest => guest is { State: "ready", Stale: false }).Select(guest => guest.BackupBytes)];
        return bytes.Length == guests ? bytes.Sum() : null;
    }
}
