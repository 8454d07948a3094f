// SPDX-License-Identifier: LGPL-2.1-or-later
using System.CommandLine;
using Hikae.Harness.Documents;
using Hikae.Native.Linux.Systemd;
using Xunit;

namespace Hikae.Sidecar.Tests;

public sealed class ManPageTests
{
    private static readonly ManPage Page = ManPage.Read("hikae-sidecar.8");

    [Fact]
    public void Every_option_is_explained()
    {
        IEnumerable<Option> options = Program.Build().Options;

        Assert.True(options.Count() > 6);
        Assert.All(options.Select(option => option.Name).Concat(options.SelectMany(option => option.Aliases)).Where(name => name[0] == '-'), name =>
            Assert.True(Page.Section("OPTIONS").Explains(name), $"hikae-sidecar.8 does not explain {name}"));
    }

    [Theory]
    [InlineData(JournalStream.Variable)]
    [InlineData(ServiceNotification.Variable)]
    [InlineData(Watchdog.Variable)]
    public void Every_variable_of_the_environment_is_explained(string name) => Assert.True(Page.Section("ENVIRONMENT").Explains(name));

    [Fact]
    public void Every_command_is_explained_and_its_options_are_mentioned()
    {
        IList<Command> commands = Program.Build().Subcommands;

        Assert.NotEmpty(commands);
        Assert.All(commands, command =>
        {
            Assert.True(Page.Section("COMMANDS").Explains(command.Name), $"hikae-sidecar.8 does not explain {command.Name}");
            Assert.All(command.Options, option => Assert.True(Page.Section("COMMANDS").Mentions(option.Name), $"hikae-sidecar.8 does not mention {option.Name} of {command.Name}"));
        });
    }
}
