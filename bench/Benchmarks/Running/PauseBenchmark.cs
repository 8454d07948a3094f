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
        DirtyGuest.Dense.StartProtected(lab, options);
        long first = Checkpoints(lab);
        options.Say($"watching for {options.Seconds} s and at least {MinCheckpoints} checkpoints");
        Thread.Sleep(options.Window);
        Waiting.Until($"{MinCheckpoints} checkpoints", TimeSpan.FromMinutes(5), () => Checkpoints(lab) - first >= MinCheckpoints, lab.Logs);

        JsonElement status = GuestStatusReader.Read(lab.HostA, DirtyGuest.Dense.Name);
        report.Add("pause_ms_p50", status.GetProperty("pauseMsP50").GetDouble(), "<= 6");
        report.Add("pause_ms_p99", status.GetProperty("pauseMsP99").GetDouble(), "<= 15");
        report.Add("pause_ms_max", status.GetProperty("pauseMsMax").GetDouble());
        foreach (JsonElement step in status.GetProperty("pauseSteps").EnumerateArray())
        {
            string name = step.GetProperty("step").GetString()!;
            report.Add($"{name}_ms_p50", step.GetProperty("msP50").GetDouble());
            report.Add($"{name}_ms_p99", step.GetProperty("msP99").GetDouble());
        }
        report.Add("checkpoint_ms_p50", status.GetProperty("checkpointMsP50").GetDouble());
        report.Add("checkpoint_ms_p99", status.GetProperty("checkpointMsP99").GetDouble());
        report.Add("checkpoints", Checkpoints(lab) - first);
        report.Note("guest", DirtyGuest.Dense.Description);
        report.Note("sample", "the sidecar's last 600 pauses at the end of the run, by the times in QEMU's STOP and RESUME events; checkpoint: from the sidecar's command to its answer, on parts of which the guest runs");
    }

    private static long Checkpoints(Lab lab) => DirtyGuest.Dense.Replicated(lab).GetProperty("checkpoints").GetInt64();
}
