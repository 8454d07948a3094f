// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Hikae.Protocol.Ownership;

namespace Hikae.Protocol.Tests.Ownership;

/// <summary>This test program started again as a host that claims generation after generation and prints those it won.</summary>
internal static class ClaimerProcess
{
    private const string Variable = "HIKAE_TEST_CLAIMER";

    public static Process Start(string directory, string owner, long lastGeneration)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        start.Environment[Variable] = $"{directory}\n{owner}\n{lastGeneration}";
        return Process.Start(start)!;
    }

    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "Runs before the test runner, in the child only.")]
    internal static void BecomeClaimerIfAsked()
    {
        if (Environment.GetEnvironmentVariable(Variable) is string task)
        {
            string[] parts = task.Split('\n');
            foreach (long generation in ClaimAll(new SharedDirectoryArbiter(parts[0]), parts[1], long.Parse(parts[2])))
            {
                Console.WriteLine(generation);
            }
            Environment.Exit(0);
        }
    }

    /// <summary>Claims until the last generation is somebody's; yields those that were won.</summary>
    public static IEnumerable<long> ClaimAll(IArbiter arbiter, string owner, long lastGeneration)
    {
        OwnershipRecord? newest = arbiter.Read(ArbiterDirectory.Guest);
        while ((newest?.Generation ?? 0) < lastGeneration)
        {
            OwnershipRecord next = ArbiterDirectory.Record((newest?.Generation ?? 0) + 1, owner);
            if (arbiter.TryClaim(next, out newest))
            {
                yield return next.Generation;
            }
        }
    }
}
