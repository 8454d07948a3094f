// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Hikae.Harness;
using Hikae.Native.Linux;
using Xunit;

namespace Hikae.Native.Tests.LinuxTests;

/// <summary>This test program started again, with a timer set against itself.</summary>
public sealed class DeathTimerTests
{
    private const string Variable = "HIKAE_TEST_DEATH_TIMER";
    private const int KilledStatus = 128 + 9;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData("")]
    [InlineData("unshare --time --boottime 31536000 --fork")]
    public void A_stopped_process_is_ended_in_time_whatever_its_clock_says(string wrapper)
    {
        Requires.Root();
        using Process child = Start("armed", wrapper);
        string pid = child.StandardOutput.ReadLine()!;
        using (Process stop = Process.Start("kill", ["-STOP", pid]))
        {
            stop.WaitForExit();
        }

        // Nobody wakes it up. unshare has a status of its own for a child that was killed; one that lived would have ended with 0.
        Assert.True(child.WaitForExit(Patience));
        Assert.Equal(wrapper.Length > 0 ? 1 : KilledStatus, child.ExitCode);
    }

    [Fact]
    public void A_time_that_is_past_ends_the_process_at_once()
    {
        using Process child = Start("past");

        Assert.True(child.WaitForExit(Patience));
        Assert.Equal(KilledStatus, child.ExitCode);
    }

    [Fact]
    public void A_timer_that_was_set_later_or_switched_off_does_nothing_at_its_first_time()
    {
        using Process child = Start("later");

        Assert.True(child.WaitForExit(Patience));
        Assert.Equal(0, child.ExitCode);
    }

    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "Runs before the test runner, in the child only.")]
    internal static void BecomeChildIfAsked()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not string task)
        {
            return;
        }
        var clock = new BootTimeProvider();
        using var timer = new DeathTimer();
        switch (task)
        {
            case "armed":
                timer.Arm(clock.GetTimestamp() + 1_000_000_000);
                Console.WriteLine(Environment.ProcessId);
                Thread.Sleep(Patience);
                break;
            case "past":
                timer.Arm(clock.GetTimestamp() - 1_000_000_000);
                Thread.Sleep(Patience);
                break;
            default:
                long first = clock.GetTimestamp() + 100_000_000;
                timer.Arm(first);
                timer.Arm(first + 3_600_000_000_000);
                Thread.Sleep(150);
                timer.Arm(clock.GetTimestamp() + 100_000_000);
                timer.Disarm();
                Thread.Sleep(150);
                break;
        }
        Environment.Exit(0);
    }

    private static Process Start(string task, string wrapper = "")
    {
        string[] words = [.. wrapper.Split(' ', StringSplitOptions.RemoveEmptyEntries), Environment.ProcessPath!];
        var start = new ProcessStartInfo(words[0], words[1..]) { RedirectStandardOutput = true };
        start.Environment[Variable] = task;
        return Process.Start(start)!;
    }
}
