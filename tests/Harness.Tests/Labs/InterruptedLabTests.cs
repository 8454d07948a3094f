// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace Hikae.Harness.Tests.Labs;

/// <summary>Ctrl-C while a lab comes up, as a terminal sends it: to the whole foreground group.</summary>
public sealed class InterruptedLabTests
{
    private const int Interrupted = 130;

    private static readonly string Name = string.Create(CultureInfo.InvariantCulture, $"interrupted-{Environment.ProcessId}");

    [Fact]
    public void A_lab_that_is_interrupted_leaves_nothing_behind()
    {
        Requires.Root();
        string folder = $"/run/hikae-lab/{Name}";
        var ends = new List<int>();

        // The base may have to be made first: that is not to be interrupted here.
        Assert.Equal(0, Bash("lab/lab base"));
        foreach (string seconds in (string[])["0.1", "0.3", "0.5", "0.8", "1.2"])
        {
            // "set -m" gives the lab a group of its own, and the default answer to SIGINT.
            ends.Add(Bash($"set -m; lab/lab up & sleep {seconds}; kill -INT -- -$!; wait $!"));
            if (ends[^1] == 0)
            {
                // It was faster.
                Assert.Equal(0, Bash("lab/lab down"));
            }

            Assert.NotEqual(0, Bash("lab/lab status"));
            Assert.False(Directory.Exists(folder), $"{folder} is there after an interrupt at {seconds} s");
            Assert.DoesNotContain(folder, File.ReadAllText("/proc/mounts"), StringComparison.Ordinal);
            Assert.Empty(Processes());
        }

        Assert.All(ends, end => Assert.True(end is 0 or Interrupted, $"it ended with {end}"));
        Assert.Contains(Interrupted, ends);
    }

    /// <summary>What still runs with the lab's name in its environment or its command line, but for this program.</summary>
    private static string[] Processes() =>
    [
        .. Process.GetProcesses()
            .Where(process => process.Id != Environment.ProcessId)
            .Select(process => (process.Id, Words: Read(process.Id, "cmdline") + Read(process.Id, "environ")))
            .Where(process => process.Words.Contains(Name, StringComparison.Ordinal))
            .Select(process => $"{process.Id} {process.Words}"),
    ];

    private static string Read(int pid, string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/{file}");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // It has ended meanwhile.
            return "";
        }
    }

    private static int Bash(string commands)
    {
        using Process process = Process.Start(new ProcessStartInfo("bash", ["-c", $"{{ {commands}; }} >/dev/null 2>&1 </dev/null"])
        {
            WorkingDirectory = Repository.Root,
            Environment = { ["HIKAE_LAB"] = Name },
        })!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
