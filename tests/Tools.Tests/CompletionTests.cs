// SPDX-License-Identifier: LGPL-2.1-or-later
using Xunit;

namespace Hikae.Tools.Tests;

/// <summary>What the shells' completion scripts ask for.</summary>
public sealed class CompletionTests : CommandLineTest
{
    [Theory]
    [InlineData("hikae ", "status enable disable failover doctor")]
    [InlineData("hikae status ", "--json --watch")]
    [InlineData("hikae enable web ", "--backup --outputs")]
    [InlineData("hikae enable web --outputs ", "held unheld")]
    [InlineData("hikae doctor ", "--json --peer")]
    public void The_program_says_how_a_line_may_go_on(string line, string words)
    {
        Assert.Equal(ExitCode.Done, Run($"[suggest:{line.Length}]", line));

        Assert.Empty(words.Split(' ').Except(Output.ToString().Split('\n')));
    }

    [Theory]
    [InlineData("hikae.bash")]
    [InlineData("_hikae")]
    public void The_scripts_know_which_commands_take_a_guest(string script)
    {
        IEnumerable<string> withGuest = CommandLine.Build(Surroundings).Subcommands
            .Where(command => command.Arguments.Any(argument => argument.Name == "GUEST"))
            .Select(command => command.Name);

        Assert.Contains($"({string.Join('|', withGuest)})", Hikae.Harness.Repository.Read("packaging", "completion", script), StringComparison.Ordinal);
    }
}
