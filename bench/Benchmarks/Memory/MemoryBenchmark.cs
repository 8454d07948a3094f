// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;
using Hikae.Bench.Colo;
using Hikae.Bench.Figures;
using Hikae.Bench.Measuring;
using Hikae.Harness.Labs;

namespace Hikae.Bench.Benchmarks;

/// <summary>What protecting an idle Debian guest takes of the backup's memory: Hikae's sidecar, all of it, beside stock QEMU's COLO secondary.</summary>
internal sealed class MemoryBenchmark : Benchmark
{
    private const int MemoryMiB = 1024;
    private const int Samples = 5;

    private static readonly TimeSpan BetweenSamples = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan BootLimit = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan ColoLimit = TimeSpan.FromMinutes(3);

    public override string Name => "memory";

    public override string Summary => "memory that protecting an idle 1 GiB Debian guest takes on the backup, beside stock QEMU's COLO";

    protected override void Measure(Lab lab, BenchmarkOptions options, Report report)
    {
        options.Say("starting Debian");
        LabGuest guest = lab.StartGuest("debian", new LabGuestOptions
        {
            Debian = true, MemoryMiB = MemoryMiB, Nic = true, Agent = true, App = "idle", Protect = lab.HostB.Name, Outputs = "unheld",
        });
        TimeSpan idleFor = MeasureHikae(lab, guest, options, report);
        lab.HostA.Virsh("destroy", guest.Name);
        Waiting.Until("the replica is dropped", BootLimit, () => guest.SidecarOn(lab.HostB) is null, lab.Logs);
        MeasureColo(lab, guest, idleFor, options, report);

        double backup = report.Figures.Single(figure => figure.Name == "backup_bytes").Value;
        double colo = report.Figures.Single(figure => figure.Name == "colo_secondary_bytes").Value;
        report.Add("colo_to_backup_ratio", colo / backup);
        report.Note("guest", $"Debian 13 with systemd, {MemoryMiB} MiB, 1 virtual processor, agent on, idle; outputs unheld; read {idleFor.TotalSeconds:0} s after it was up");
    }

    private static TimeSpan MeasureHikae(Lab lab, LabGuest guest, BenchmarkOptions options, Report report)
    {
        Waiting.UntilProtected(lab, lab.HostA, guest.Name);
        Waiting.Until("Debian is up", BootLimit, () => guest.SerialOn(lab.HostA).Contains(ColoPair.UpMark, StringComparison.Ordinal), lab.Logs);
        TimeSpan idle = TimeSpan.FromSeconds(Math.Max(60, options.Seconds));
        options.Say($"Debian is up; idle for {idle.TotalSeconds:0} s");
        Thread.Sleep(idle);

        var sidecar = new ProcessFigures(lab.HostB, guest.SidecarOn(lab.HostB) ?? throw new LabException("no sidecar on the backup"));
        var pss = new List<double>();
        for (int i = 0; i < Samples; i++)
        {
            pss.Add(sidecar.PssBytes);
            Thread.Sleep(BetweenSamples);
        }
        Figure backup = Figure.Of("backup_bytes", pss);
        JsonElement status = GuestStatusReader.Read(lab.HostB, guest.Name);
        JsonElement parts = status.GetProperty("backupParts");
        long replica = status.GetProperty("backupBytes").GetInt64();
        double guestBytes = MemoryMiB * 1048576.0;
        report.Add("guest_bytes", guestBytes);
        report.Add(backup);
        report.Add("backup_to_guest_ratio", backup.Value / guestBytes);
        report.Add("replica_page_bytes", parts.GetProperty("pageBytes").GetInt64());
        report.Add("replica_table_bytes", parts.GetProperty("tableBytes").GetInt64());
        report.Add("replica_device_bytes", parts.GetProperty("deviceBytes").GetInt64());
        report.Add("sidecar_own_bytes", backup.Value - replica);
        JsonElement soft = status.GetProperty("softPages");
        report.Add("zero_pages", soft.GetProperty("zero").GetInt64());
        report.Add("free_pages", soft.GetProperty("free").GetInt64());
        return idle;
    }

    private static void MeasureColo(Lab lab, LabGuest guest, TimeSpan idleFor, BenchmarkOptions options, Report report)
    {
        options.Say("the same guest under stock QEMU's COLO");
        using var pair = new ColoPair(lab, guest);
        Waiting.Until("Debian is up under COLO's primary", BootLimit, () => pair.GuestIsUp);
        Thread.Sleep(idleFor);
        ProcessFigures secondary = pair.Replicate(ColoLimit);
        var rss = new List<double>();
        for (int i = 0; i < Samples; i++)
        {
            rss.Add(secondary.RssBytes);
            Thread.Sleep(BetweenSamples);
        }
        report.Add(Figure.Of("colo_secondary_bytes", rss));
        report.Note(
            "colo",
            "RSS of the QEMU 10.0 secondary once both sides say that they are in COLO after the first copy; no network filters, no block replication, hourly checkpoints");
    }
}
