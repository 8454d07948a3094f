// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Bench.Figures;
using Hikae.Bench.Loads;
using Hikae.Bench.Measuring;
using Hikae.Harness.Labs;
using Hikae.Native.Linux;

namespace Hikae.Bench.Benchmarks;

/// <summary>
/// The same loads as <see cref="PaperOverheadBenchmark"/>, with nothing but the kernel's tracking of what is written: what is slower here no design is faster than that asks this kernel
/// which pages were written.
/// </summary>
internal sealed class TrackingBenchmark : Benchmark
{
    private const int DefaultRuns = 3;
    private const double NanosecondsPerMicrosecond = 1000;

    // As seldom as a guest is checkpointed for which nobody waits (max_interval_ms).
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    public override string Name => "tracking";

    public override string Summary => "the loads of paper-overhead with nothing but the kernel's tracking of written pages: the least that any protection costs on this machine";

    protected override int Hosts => 1;

    protected override void Measure(Lab lab, BenchmarkOptions options, Report report)
    {
        LoadGuest loads = LoadGuest.Make(lab, options);
        foreach (Load load in Load.Paper(options.Scale))
        {
            var bare = new List<double>();
            var tracked = new List<double>();
            var after = new List<double>();
            var writes = new List<double>();
            for (int run = 1; run <= (options.Runs ?? DefaultRuns); run++)
            {
                options.Say($"{load.Name}, run {run}");
                loads.Restart();
                bare.Add(loads.SecondsAfterRest(load));
                using (var tracking = new WriteTracking(loads.Guest.QemuFromOutside(lab.HostA).Pid, Interval))
                {
                    tracked.Add(loads.SecondsAfterRest(load));
                    writes.Add(tracking.End());
                }
                after.Add(loads.SecondsAfterRest(load));
                options.Say($"{bare[^1]:0.0} s, tracked {tracked[^1]:0.0} s with {writes[^1]} first writes, then {after[^1]:0.0} s");
            }
            Figure bareSeconds = Figure.Of("bare_seconds", bare);
            Figure trackedSeconds = Figure.Of("tracked_seconds", tracked);
            report.AddRow(
                "loads",
                Figure.OfText("load", load.Name),
                bareSeconds,
                trackedSeconds,
                new Figure("slowdown_percent", 100 * ((trackedSeconds.Value / bareSeconds.Value) - 1)),
                Figure.Of("after_seconds", after),
                Figure.Of("first_writes", writes));
            report.Note(load.Name, load.Size);
        }
        report.Add("first_write_us", FirstWriteCost.Measure().TotalNanoseconds / NanosecondsPerMicrosecond);
        report.Add("scale", options.Scale);
        report.Add("runs_each", options.Runs ?? DefaultRuns);
        report.Note("guest", $"{LoadGuest.Description}, which it never is here; started anew before each run, all its memory used once; its page cache dropped before each load");
        report.Note("tracked", $"all of its memory write-protected (userfaultfd), what was written protected again each {Interval.TotalSeconds:0} s (PAGEMAP_SCAN); nothing paused, copied or sent");
        report.Note("after", "the tracking has ended, but the host's huge pages stay split");
        report.Note("first_writes", "during the load and some seconds around it");
        report.Note("first_write", "of this process to pages of its own, by FirstWriteCost");
    }
}
