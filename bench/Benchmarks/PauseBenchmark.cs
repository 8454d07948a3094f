// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;
using Hikae.Bench.Figures;
using Hikae.Bench.Measuring;
using Hikae.Harness.Labs;

namespace Hikae.Bench.Benchmarks;

/// <summary>How long a guest stands still for a checkpoint, and which step takes how much of it.</summary>
internal sealed class PauseBenchmark : Benchmark
{
    // What the sidecar keeps: the window must be long enough to push the first checkpoints out of it, or to have this many.
    private const long MinCheckpoints = 300;

    public override string Name => "pause";

    public override string Summary => "how long a guest stands still for a checkpoint, step by step";

    protected override void Measure(Lab lab, BenchmarkOptions options, Report report)
    {
        DirtyGuest.StartProtected(lab, options);
        long first = Checkpoints(lab);
        options.Say($"watching for {options.Seconds} s and at least {MinCheckpoints} checkpoints");
        IReadOnlyList<double> stops = GuestStops.Watch(lab.HostA, DirtyGuest.Name, options.Window);
        Waiting.Until($"{MinCheckpoints} checkpoints", TimeSpan.FromMinutes(5), () => Checkpoints(lab) - first >= MinCheckpoints, lab.Logs);

        JsonElement status = GuestStatusReader.Read(lab.HostA, DirtyGuest.Name);
        report.Add("pause_ms_p50", status.GetProperty("pauseMsP50").GetDouble(), "<= 6");
        report.Add("pause_ms_p99", status.GetProperty("pauseMsP99").GetDouble(), "<= 15");
        report.Add("pause_ms_max", status.GetProperty("pauseMsMax").GetDouble());
        foreach (JsonElement step in status.GetProperty("pauseSteps").EnumerateArray())
        {
            string name = step.GetProperty("step").GetString()!;
            report.Add($"{name}_ms_p50", step.GetProperty("msP50").GetDouble());
            report.Add($"{name}_ms_p99", step.GetProperty("msP99").GetDouble());
        }
        report.Add("guest_stopped_ms_p50", Figure.Percentile(stops, 0.5));
        report.Add("guest_stopped_ms_p99", Figure.Percentile(stops, 0.99));
        report.Add("checkpoints", Checkpoints(lab) - first);
        report.Note("guest", DirtyGuest.Description);
        report.Note("sample", "the sidecar's last 600 pauses at the end of the run, from the command's sending to its answer; guest_stopped: by the times in QEMU's STOP and RESUME events");
    }

    private static long Checkpoints(Lab lab) => DirtyGuest.Replicated(lab).GetProperty("checkpoints").GetInt64();
}
