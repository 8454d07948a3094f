// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Collections.Concurrent;
using Hikae.Harness.Chaos;
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.Proof.Tests;

/// <summary>A dozen of the rounds that <c>bench/run chaos</c> makes hundreds of.</summary>
public sealed class ChaosTests
{
    // Among its rounds is one in which the backup's libvirtd is restarted while the primary loses power, which once lost the guest,
    // and one in which the primary's sidecar stands still.
    private const int Seed = 83;

    [Fact]
    public void A_dozen_rounds_of_random_faults_lose_nothing_and_do_nothing_twice()
    {
        Lab.RequireParts();
        var log = new ConcurrentQueue<string>();
        using Lab lab = Lab.Up("chaos", new LabOptions { Settings = SharedLab.PatientSettings });
        using var run = new ChaosRun(lab, new ChaosOptions { Seed = Seed, Rounds = 12, Say = log.Enqueue });
        run.Guest.WaitForProtected(lab.HostA);
        try
        {
            run.Run();
        }
        finally
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"seed {Seed}\n{string.Join('\n', log)}");
        }

        Assert.Empty(run.Totals.Findings);
        Assert.Equal(12, run.Totals.Rounds);
        Assert.True(run.Totals.Failovers > 0);
        Assert.Equal(0, run.Totals.LostOperations);
        Assert.Equal(0, run.Totals.DuplicateOperations);
        Assert.Equal(0, run.Totals.DoubleOwnerMoments);
        Assert.Equal(0, run.Totals.DirtyFilesystems);
    }
}
