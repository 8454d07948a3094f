// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Bench.Benchmarks;

/// <summary>How long and how often to measure; where progress goes.</summary>
/// <param name="Seconds">Length of a window in which a guest is watched.</param>
/// <param name="Runs">How often what happens once is made to happen; null = each benchmark's own number.</param>
/// <param name="Progress">Standard error.</param>
internal sealed record BenchmarkOptions(int Seconds, int? Runs, TextWriter Progress)
{
    /// <summary>Chaos: how many rounds.</summary>
    public int Rounds { get; init; }

    /// <summary>Chaos: the number of the first.</summary>
    public int FirstRound { get; init; }

    /// <summary>Chaos: of all that is random.</summary>
    public int Seed { get; init; }

    /// <summary>Chaos: "unheld" to see it fail; null = held.</summary>
    public string? Outputs { get; init; }

    /// <summary>Chaos: the guest has no disk.</summary>
    public bool InMemory { get; init; }

    /// <summary>paper-overhead, tracking: the share of the loads' full size, above 0 to 1.</summary>
    public double Scale { get; init; } = 1;

    /// <summary>The hosts' configuration where it differs from the benchmark's: "section.key" and value.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    public TimeSpan Window => TimeSpan.FromSeconds(Seconds);

    public void Say(string what) => Progress.WriteLine($"bench: {what}");
}
