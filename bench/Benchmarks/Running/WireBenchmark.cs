// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.Text.Json;
using Hikae.Bench.Figures;
using Hikae.Bench.Measuring;
using Hikae.Harness.Labs;

namespace Hikae.Bench.Benchmarks;

/// <summary>What a checkpoint costs in bytes on the network and in processor time, in equal parts of one run: of a guest that writes whole pages, then of one that writes a few words of each.</summary>
internal sealed class WireBenchmark : Benchmark
{
    private const int Parts = 5;

    public override string Name => "wire";

    public override string Summary => "bytes on the network and processor time for each checkpoint";

    protected override void Measure(Lab lab, BenchmarkOptions options, Report report)
    {
        Measure(lab, options, report, DirtyGuest.Dense, "");
        Measure(lab, options, report, DirtyGuest.Sparse, "sparse_");
        report.Note(
            "bytes",
            "per checkpoint; dirty: pages captured; delta: those of them of which only what changed was sent; wire: what left the primary's replication interface, "
            + "with TLS and TCP; record: before TLS; at the end: replica_bytes, and the sidecars' proportional set sizes");
    }

    private static void Measure(Lab lab, BenchmarkOptions options, Report report, DirtyGuest dirty, string prefix)
    {
        LabGuest guest = dirty.StartProtected(lab, options);
        ProcessFigures primary = Sidecar(guest, lab.HostA);
        ProcessFigures backup = Sidecar(guest, lab.HostB);
        (string Name, ProcessFigures Process)[] processes =
        [
            ("cpu_ms_per_checkpoint", primary),
            ("backup_cpu_ms_per_checkpoint", backup),
            ("libvirtd_cpu_ms_per_checkpoint", Daemon(lab.HostA, "/run/libvirtd.pid")),
            ("hikaed_cpu_ms_per_checkpoint", Daemon(lab.HostA, "/run/hikaed.pid")),
            ("qemu_cpu_ms_per_checkpoint", new ProcessFigures(lab.HostA, guest.QemuOn(lab.HostA))),
        ];
        var samples = new List<double[]>();
        for (int part = 0; part <= Parts; part++)
        {
            if (part > 0)
            {
                options.Say($"{dirty.Name}: part {part} of {Parts}");
                Thread.Sleep(options.Window / Parts);
            }
            samples.Add(Sample(lab, dirty, processes.Select(process => process.Process)));
        }

        string[] names = ["dirty_bytes", "wire_bytes", "record_bytes", "delta_bytes", .. processes.Select(process => process.Name)];
        double[][] perCheckpoint = [.. samples.Zip(samples.Skip(1), PerCheckpoint)];
        for (int i = 0; i < names.Length; i++)
        {
            report.Add(Figure.Of(prefix + names[i], perCheckpoint.Select(part => part[i])));
        }
        report.Add(Figure.Of(prefix + "wire_to_dirty_ratio", perCheckpoint.Select(part => part[1] / part[0])));
        report.Add(prefix + "checkpoints", samples[^1][0] - samples[0][0]);
        report.Add(prefix + "replica_bytes", GuestStatusReader.Read(lab.HostB, dirty.Name).GetProperty("backupBytes").GetInt64());
        report.Add(prefix + "primary_sidecar_bytes", primary.PssBytes);
        report.Add(prefix + "backup_sidecar_bytes", backup.PssBytes);
        report.Note(prefix + "guest", dirty.Description);

        lab.HostA.Virsh("destroy", dirty.Name);
        guest.WaitForNoReport(lab.HostA);
        guest.WaitForNoReport(lab.HostB);
    }

    private static double[] PerCheckpoint(double[] before, double[] after) =>
        [.. before.Zip(after, (b, a) => a - b).Skip(1).Select(difference => difference / (after[0] - before[0]))];

    /// <summary>Checkpoints, dirty bytes, interface bytes, record bytes, bytes sent as deltas, then each process's processor time: all counted from some beginning.</summary>
    private static double[] Sample(Lab lab, DirtyGuest dirty, IEnumerable<ProcessFigures> processes)
    {
        JsonElement replicated = dirty.Replicated(lab);
        return
        [
            replicated.GetProperty("checkpoints").GetInt64(),
            replicated.GetProperty("dirtyBytes").GetInt64(),
            double.Parse(lab.HostA.Run("cat", "/sys/class/net/repl0/statistics/tx_bytes"), CultureInfo.InvariantCulture),
            replicated.GetProperty("wireBytes").GetInt64(),
            // A sidecar of before there were any does not say.
            replicated.TryGetProperty("deltaBytes", out JsonElement delta) ? delta.GetInt64() : 0,
            .. processes.Select(process => process.CpuMs),
        ];
    }

    private static ProcessFigures Sidecar(LabGuest guest, LabHost host) =>
        new(host, guest.SidecarOn(host) ?? throw new LabException($"no sidecar of {guest.Name} on {host.Name}"));

    private static ProcessFigures Daemon(LabHost host, string pidFile) => new(host, int.Parse(host.Run("cat", pidFile), CultureInfo.InvariantCulture));
}
