// SPDX-License-Identifier: LGPL-2.1-or-later
using System.CommandLine;
using Hikae.Bench.Benchmarks;
using Hikae.Bench.Figures;
using Hikae.Bench.Measuring;
using Hikae.Bench.Plots;
using Hikae.Harness.Labs;

namespace Hikae.Bench;

/// <summary>bench/run NAME [--json] [--plot FILE.png]: the result on standard output, progress on standard error.</summary>
internal static class Program
{
    private static readonly Benchmark[] Benchmarks = [new PauseBenchmark(), new FailoverBenchmark(), new OptInBenchmark(), new MemoryBenchmark(), new CacheBenchmark(), new ConsolidationBenchmark(), new PaperMemoryBenchmark(), new PaperOverheadBenchmark(), new TrackingBenchmark(), new WireBenchmark(), new LatencyBenchmark(), new ChaosBenchmark(), new DiskBenchmark(), new WarmBenchmark()];

    private static int Main(string[] arguments)
    {
        string list = string.Join('\n', Benchmarks.Select(benchmark => $"  {benchmark.Name,-15}{benchmark.Summary}"));
        var name = new Argument<string>("NAME") { Description = string.Join(", ", Benchmarks.Select(benchmark => benchmark.Name)) };
        name.AcceptOnlyFromAmong([.. Benchmarks.Select(benchmark => benchmark.Name)]);
        var json = new Option<bool>("--json") { Description = "print one JSON object instead of a table" };
        var seconds = new Option<int>("--seconds") { Description = "how long a guest is watched", DefaultValueFactory = _ => 60 };
        var runs = new Option<int?>("--runs") { Description = "failover: power cuts for each size (default: 5 small, 3 large); disk: rounds (5); paper-overhead, tracking: runs of each load, each way (3); optin: how often (5); warm: power cuts with and without prefetch (3); consolidation: guests (24)" };
        var rounds = new Option<int>("--rounds") { Description = "chaos: how many rounds", DefaultValueFactory = _ => 200 };
        var seed = new Option<int?>("--seed") { Description = "chaos: what happens when (default: another each time)" };
        var firstRound = new Option<int>("--first-round") { Description = "chaos: begin with this one, to run a round again alone", DefaultValueFactory = _ => 1 };
        var outputs = new Option<string?>("--outputs") { Description = "chaos: \"unheld\" to see it find losses" };
        var inMemory = new Option<bool>("--in-memory") { Description = "chaos: a guest without a disk" };
        var scale = new Option<double>("--scale") { Description = "paper-overhead, tracking: how large the loads are, above 0 to 1", DefaultValueFactory = _ => 1 };
        scale.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double>() is not (> 0 and <= 1))
            {
                result.AddError("--scale is above 0 and at most 1");
            }
        });
        var plot = new Option<string?>("--plot") { Description = $"draw the figures into a PNG file, too: {string.Join(", ", FigurePlot.Of.Keys)}" };
        var from = new Option<string?>("--from") { Description = "with --plot: figures that --json printed once are drawn, and nothing is measured" };
        var set = new Option<string[]>("--set") { Description = "a setting of the hosts, SECTION.KEY=VALUE; may be given several times" };
        set.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string[]>().Any(setting => !setting.Contains('=', StringComparison.Ordinal)))
            {
                result.AddError("--set takes SECTION.KEY=VALUE");
            }
        });
        outputs.AcceptOnlyFromAmong("unheld");
        var command = new RootCommand($"Measures Hikae on two lab hosts of this machine. Needs root.\n\n{list}") { name, json, seconds, runs, rounds, seed, firstRound, outputs, inMemory, set, scale, plot, from };
        command.Validators.Add(result =>
        {
            string? file = result.GetValue(plot);
            if (file is not null && result.GetValue(name) is { } benchmark && !FigurePlot.Of.ContainsKey(benchmark))
            {
                result.AddError($"the figures of {benchmark} are not drawn");
            }
            // To be known before the measuring, which may take an hour.
            if (file is not null && !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(file))))
            {
                result.AddError($"the folder of {file} is not there");
            }
            if (file is null && result.GetValue(from) is not null)
            {
                result.AddError("--from needs --plot");
            }
        });
        command.SetAction(parsed => Run(
            Benchmarks.Single(benchmark => benchmark.Name == parsed.GetValue(name)),
            new BenchmarkOptions(parsed.GetValue(seconds), parsed.GetValue(runs), Console.Error)
            {
                Rounds = parsed.GetValue(rounds),
                FirstRound = parsed.GetValue(firstRound),
                Seed = parsed.GetValue(seed) ?? Random.Shared.Next(1, 1_000_000),
                Outputs = parsed.GetValue(outputs),
                InMemory = parsed.GetValue(inMemory),
                Scale = parsed.GetValue(scale),
                Settings = (parsed.GetValue(set) ?? []).Select(setting => setting.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]),
            },
            parsed.GetValue(json),
            parsed.GetValue(plot),
            parsed.GetValue(from)));
        return command.Parse(arguments).Invoke(new InvocationConfiguration { ProcessTerminationTimeout = null });
    }

    private static int Run(Benchmark benchmark, BenchmarkOptions options, bool json, string? picture, string? saved)
    {
        if (saved is not null)
        {
            return Draw(benchmark, () => File.ReadAllText(saved), picture!);
        }
        if (Environment.GetEnvironmentVariable("HIKAE_LAB") is null)
        {
            Environment.SetEnvironmentVariable("HIKAE_LAB", "bench");
        }
        using var cleaning = new LabCleaning(benchmark.Name);
        Report report;
        try
        {
            Programs.Publish(options.Say, benchmark.Needs);
            report = benchmark.Run(options);
        }
        catch (Exception error) when (error is LabException or InvalidOperationException or IOException)
        {
            Console.Error.WriteLine($"bench: {error.Message}");
            return 1;
        }
        if (json)
        {
            Console.Out.WriteLine(report.ToJson());
        }
        else
        {
            ReportTable.Write(report, Console.Out);
        }
        return picture is null ? 0 : Draw(benchmark, report.ToJson, picture);
    }

    private static int Draw(Benchmark benchmark, Func<string> json, string picture)
    {
        if (!FigurePlot.HasFonts)
        {
            Console.Error.WriteLine("bench: this machine has no font, so the picture will have no words; apt-get install fonts-dejavu-core");
        }
        try
        {
            FigurePlot.Of[benchmark.Name].Save(SavedFigures.Parse(json(), benchmark.Name), picture);
            return 0;
        }
        catch (Exception error) when (error is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"bench: not drawn: {error.Message}");
            return 1;
        }
    }
}
