// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Bench.Figures;
using Hikae.Harness.Chaos;
using Hikae.Harness.Labs;

namespace Hikae.Bench.Benchmarks;

/// <summary>Rounds of random faults on both hosts, while clients outside use a protected guest and remember all they were told.</summary>
internal sealed class ChaosBenchmark : Benchmark
{
    public override string Name => "chaos";

    public override string Summary => "rounds of random faults: what was lost, done twice, or run on two hosts (docs/proof.md)";

    /// <summary>All defaults: a host that is slow and declared dead is one fault more.</summary>
    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>();

    protected override void Measure(Lab lab, BenchmarkOptions options, Report report)
    {
        var chaos = new ChaosOptions
        {
            Seed = options.Seed,
            FirstRound = options.FirstRound,
            Rounds = options.Rounds,
            Outputs = options.Outputs,
            InMemory = options.InMemory,
            Say = options.Say,
        };
        options.Say($"seed {chaos.Seed}");
        using var run = new ChaosRun(lab, chaos);
        try
        {
            run.Run();
        }
        catch (LabException ended)
        {
            options.Say($"ended early: {ended.Message}");
            report.Note("ended_early", ended.Message.Split('\n')[0]);
        }

        ChaosTotals totals = run.Totals;
        report.Add("rounds", totals.Rounds);
        report.Add("failovers", totals.Failovers);
        report.Add("restarts", totals.Restarts);
        report.Add("operations", totals.Operations);
        report.Add("broken_connections", totals.BrokenConnections);
        report.Add("lost_operations", totals.LostOperations, "0");
        report.Add("duplicate_operations", totals.DuplicateOperations, "0");
        report.Add("other_violations", totals.OtherViolations, "0");
        report.Add("double_owner_moments", totals.DoubleOwnerMoments, "0");
        report.Add("dirty_filesystems", totals.DirtyFilesystems, "0");
        report.Add("seed", chaos.Seed);
        if (totals.Findings.Count > 0)
        {
            report.Note("findings", string.Join('\n', totals.Findings.Take(50)));
        }

        report.Note("again", $"bench/run chaos --seed {chaos.Seed} --rounds {chaos.Rounds}; one round alone: --first-round N --rounds 1");
    }
}
