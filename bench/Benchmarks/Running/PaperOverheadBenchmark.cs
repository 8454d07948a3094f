// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;
using Hikae.Bench.Figures;
using Hikae.Bench.Loads;
using Hikae.Bench.Measuring;
using Hikae.Harness.Labs;

namespace Hikae.Bench.Benchmarks;

/// <summary>
/// How much longer a guest takes for PostMark, gzip and a compilation while it is protected, and how much memory its backup saves meanwhile. The second figure of the
/// paper on backup VM consolidation.
/// </summary>
internal sealed class PaperOverheadBenchmark : Benchmark
{
    private const int DefaultRuns = 3;
    private const double PageBytes = 4096;

    private static readonly TimeSpan StatusLimit = TimeSpan.FromSeconds(30);

    public override string Name => "paper-overhead";

    public override string Summary => "PostMark, gzip and a compilation in a 4 GiB Debian guest: how much slower when protected, how much memory the backup saves";

    // The disk is looked through before a load begins, and as fast as it goes.
    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["link.detect_ms"] = "10000", ["arbiter.lease_ms"] = "20000", ["soft.on_disk"] = "yes", ["soft.scan_mib_s"] = "1024",
    };

    protected override void Measure(Lab lab, BenchmarkOptions options, Report report)
    {
        LoadGuest loads = LoadGuest.Make(lab, options);
        LabGuest guest = loads.Guest;
        foreach (Load load in Load.Paper(options.Scale))
        {
            var bare = new List<double>();
            var guarded = new List<double>();
            var saved = new List<Saved>();
            for (int run = 1; run <= (options.Runs ?? DefaultRuns); run++)
            {
                options.Say($"{load.Name}, run {run}, not protected");
                loads.Restart();
                bare.Add(loads.SecondsAfterRest(load));

                options.Say($"{bare[^1]:0.0} s; protecting");
                lab.HostA.Hikae("enable", guest.Name, "--backup", lab.HostB.Name);
                Waiting.UntilProtected(lab, lab.HostA, guest.Name, LoadGuest.Limit);
                loads.Prepare(load);
                Waiting.Until("the disk is looked through and the replica stays as it is", LoadGuest.Limit, () => ReplicaWatch.IsSettled(lab.HostA, lab.HostB, guest.Name), lab.Logs);
                options.Say($"{load.Name}, run {run}, protected");
                guarded.Add(loads.Seconds(load));
                saved.Add(ReadSaved(lab, guest));
                if (GuestStatusReader.State(Status(lab, lab.HostA, guest)) != "protected")
                {
                    throw new LabException($"{guest.Name} was not protected at the load's end.\n{lab.Logs()}");
                }
                options.Say($"{guarded[^1]:0.0} s, {saved[^1]}");
                lab.HostA.Hikae("disable", guest.Name);
                Waiting.Until("both sidecars have gone", LoadGuest.Limit, () => guest.SidecarOn(lab.HostA) is null && guest.SidecarOn(lab.HostB) is null, lab.Logs);
            }
            Figure bareSeconds = Figure.Of("bare_seconds", bare);
            Figure guardedSeconds = Figure.Of("protected_seconds", guarded);
            report.AddRow(
                "loads",
                Figure.OfText("load", load.Name),
                bareSeconds,
                guardedSeconds,
                new Figure("slowdown_percent", 100 * ((guardedSeconds.Value / bareSeconds.Value) - 1)),
                new Figure("paper_slowdown_percent", load.PaperSlowdownPercent),
                Figure.Of("saved_bytes", saved.Select(pages => (pages.Free + pages.OnDisk) * PageBytes)),
                Figure.Of("saved_on_disk_bytes", saved.Select(pages => pages.OnDisk * PageBytes)),
                Figure.Of("zero_bytes", saved.Select(pages => pages.Zero * PageBytes)),
                Figure.Of("kept_bytes", saved.Select(pages => pages.KeptBytes)),
                new Figure("paper_saved_bytes", load.PaperSavedMB * 1e6));
            report.Note(load.Name, load.Size);
        }
        report.Add("scale", options.Scale);
        report.Add("runs_each", options.Runs ?? DefaultRuns);
        report.Note("guest", $"{LoadGuest.Description}; started anew before each run that is not protected, all its memory used once, the protected run after it; its page cache dropped before each run, "
            + "its disk looked through before each that is protected");
        report.Note("seconds", "from the guest's line on its serial console when a load begins to the one when it ends, by the clock outside");
        report.Note("saved_bytes", "4096 times the pages (softPages of hikae status on the backup, free and onDisk) that the backup does not keep when the load ends: free by the guest's agent, or found on its disk; "
            + "pages of zeros are not among them, they are zero_bytes. Memory that an earlier run filled and that was free again is");
        report.Note("saved_on_disk_bytes", "of these the ones found on the disk");
        report.Note("kept_bytes", "what the backup has of the guest's memory at that moment, compressed");
        report.Note("paper", "saved 1416, 1242 and 237 MB; 33.3, 10.2 and 20.1 % slower than under its Kemari, which is a protected guest, too. Slow-down here is against the guest unprotected; the goal is 8 %");
    }

    private static Saved ReadSaved(Lab lab, LabGuest guest)
    {
        JsonElement status = Status(lab, lab.HostB, guest);
        JsonElement soft = status.GetProperty("softPages");
        return new Saved(soft.GetProperty("free").GetInt64(), soft.GetProperty("onDisk").GetInt64(), soft.GetProperty("zero").GetInt64(), status.GetProperty("backupBytes").GetInt64());
    }

    // A daemon on a busy machine may have heard nothing for a moment.
    private static JsonElement Status(Lab lab, LabHost host, LabGuest guest)
    {
        JsonElement? status = null;
        Waiting.Until($"{host.Name} knows {guest.Name}", StatusLimit, () => (status = GuestStatusReader.TryRead(host, guest.Name)) is not null, lab.Logs);
        return status!.Value;
    }

    /// <summary>Pages that the backup does not keep, and what it has of the others.</summary>
    private sealed record Saved(long Free, long OnDisk, long Zero, double KeptBytes);
}
