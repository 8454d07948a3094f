// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Chaos;

/// <summary>How a chaos run is made.</summary>
public sealed record ChaosOptions
{
    /// <summary>Of all that is random in it.</summary>
    public required int Seed { get; init; }

    /// <summary>The number of the first round; others than 1 to run a round again alone.</summary>
    public int FirstRound { get; init; } = 1;

    /// <summary>How many.</summary>
    public int Rounds { get; init; } = 200;

    /// <summary>After so many rounds the guest is stopped in order, its file system checked, and it is started again.</summary>
    public int RoundsBetweenDiskChecks { get; init; } = 20;

    /// <summary>"unheld" to see the checks fail; null = outputs held.</summary>
    public string? Outputs { get; init; }

    /// <summary>A guest without a disk, its ledger in memory: what it holds is lost, and the run over, when it is not protected and its host fails.</summary>
    public bool InMemory { get; init; }

    /// <summary>The rounds' log.</summary>
    public Action<string> Say { get; init; } = _ => { };
}
