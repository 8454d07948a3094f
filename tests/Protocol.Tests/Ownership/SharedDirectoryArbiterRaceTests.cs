// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Protocol.Ownership;
using Xunit;

namespace Hikae.Protocol.Tests.Ownership;

public class SharedDirectoryArbiterRaceTests
{
    [Fact]
    public async Task Of_many_threads_no_two_win_one_generation()
    {
        using var directory = new ArbiterDirectory();
        const long last = 200;
        var won = new List<long>[8];
        using var start = new Barrier(won.Length);
        await Task.WhenAll(Enumerable.Range(0, won.Length).Select(index => Task.Factory.StartNew(
            () =>
            {
                start.SignalAndWait();
                won[index] = [.. ClaimerProcess.ClaimAll(directory.Open(), $"host{index}", last)];
            },
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)));

        AssertNoneWonTwice(won.SelectMany(each => each), last);
    }

    [Fact]
    public async Task Of_many_processes_no_two_win_one_generation()
    {
        using var directory = new ArbiterDirectory();
        const long last = 150;
        Process[] processes = [.. Enumerable.Range(0, 5).Select(index => ClaimerProcess.Start(directory.Root, $"host{index}", last))];
        string[] outputs = await Task.WhenAll(processes.Select(process => process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken)));
        await Task.WhenAll(processes.Select(process => process.WaitForExitAsync(TestContext.Current.CancellationToken)));

        Assert.All(processes, process => Assert.Equal(0, process.ExitCode));
        AssertNoneWonTwice(outputs.SelectMany(output => output.Split('\n', StringSplitOptions.RemoveEmptyEntries)).Select(long.Parse), last);
        Array.ForEach(processes, process => process.Dispose());
    }

    [Fact]
    public void All_who_race_for_one_generation_agree_on_the_winner()
    {
        using var directory = new ArbiterDirectory();
        for (long generation = 1; generation <= 50; generation++)
        {
            var winners = new OwnershipRecord?[6];
            int wins = 0;
            Parallel.For(0, winners.Length, index =>
            {
                if (directory.Open().TryClaim(ArbiterDirectory.Record(generation, $"host{index}"), out winners[index]))
                {
                    Interlocked.Increment(ref wins);
                }
            });

            Assert.Equal(1, wins);
            Assert.Single(winners.Distinct());
        }
    }

    /// <summary>A winner that was overtaken before it looked is told of the newer record, so a generation may be missing, but never the last.</summary>
    private static void AssertNoneWonTwice(IEnumerable<long> won, long last)
    {
        long[] generations = [.. won.Order()];
        Assert.Equal(generations.Distinct(), generations);
        Assert.Equal(last, generations[^1]);
        Assert.True(generations.Length > last / 2, $"{generations.Length} of {last} generations had a winner");
    }
}
