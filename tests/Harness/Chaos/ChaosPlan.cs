// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Chaos;

/// <summary>What happens in a round, from nothing but the seed and the round's number: any round can be run again alone.</summary>
public static class ChaosPlan
{
    private const int MaxFaults = 3;

    // The moment matters most against checkpoints, which come many times a second: anywhere in some of them.
    private const int LongestDelayMs = 3000;

    // Shorter and longer than detection (500 ms) and lease (5 s).
    private static readonly int[] Durations = [100, 400, 700, 1500, 4000, 8000];

    // How often each comes; losing the primary is what this is about.
    private static readonly (FaultKind Kind, int OnPrimary, int OnBackup)[] Weights =
    [
        (FaultKind.PowerCut, 30, 6),
        (FaultKind.CutReplication, 6, 3),
        (FaultKind.CutLan, 4, 1),
        (FaultKind.CutBoth, 7, 2),
        (FaultKind.Freeze, 10, 4),
        (FaultKind.KillSidecar, 6, 6),
        (FaultKind.KillDaemon, 4, 3),
        (FaultKind.KillLibvirtd, 4, 4),
        (FaultKind.FreezeSidecar, 5, 3),
        (FaultKind.FreezeDaemon, 2, 2),
        (FaultKind.FreezeLibvirtd, 2, 2),
    ];

    /// <summary>The faults of a round, in order of time.</summary>
    public static IReadOnlyList<Fault> Round(int seed, int number)
    {
        var random = new Random(unchecked((seed * 1_000_003) + number));
        // One in two rounds has one fault, so that what it does can be seen; the others mix.
        int count = random.Next(2) == 0 ? 1 : random.Next(2, MaxFaults + 1);
        return [.. Enumerable.Range(0, count).Select(_ => Next(random)).OrderBy(fault => fault.AfterMs)];
    }

    private static Fault Next(Random random)
    {
        int choice = random.Next(Weights.Sum(weight => weight.OnPrimary + weight.OnBackup));
        int delay = random.Next(LongestDelayMs);
        int duration = Durations[random.Next(Durations.Length)];
        foreach ((FaultKind kind, int onPrimary, int onBackup) in Weights)
        {
            if (choice < onPrimary + onBackup)
            {
                bool lasts = kind is not (FaultKind.PowerCut or FaultKind.KillSidecar or FaultKind.KillDaemon or FaultKind.KillLibvirtd);
                return new Fault(kind, choice < onPrimary, delay, lasts ? duration : 0);
            }

            choice -= onPrimary + onBackup;
        }

        throw new InvalidOperationException("weights do not add up");
    }
}
