// SPDX-License-Identifier: LGPL-2.1-or-later
using System.CommandLine;
using Hikae.Harness.Documents;
using Hikae.Native.Linux.Systemd;
using Xunit;

namespace Hikae.Host.Tests;

public sealed class ManPageTests
{
    private static readonly ManPage Page = ManPage.Read("hikaed.8");

    [Fact]
    public void Every_option_is_explained()
    {
        RootCommand root = Program.Build();

        Assert.Empty(root.Subcommands);
        Assert.True(root.Options.Count > 5);
        Assert.All(root.Options.Select(option => option.Name).Concat(root.Options.SelectMany(option => option.Aliases)).Where(name => name[0] == '-'), name =>
            Assert.True(Page.Section("OPTIONS").Explains(name), $"hikaed.8 does not explain {name}"));
    }

    [Theory]
    [InlineData(ServiceNotification.Variable)]
    [InlineData(Watchdog.Variable)]
    [InlineData(JournalStream.Variable)]
    public void Every_variable_of_the_environment_is_explained(string name) => Assert.True(Page.Section("ENVIRONMENT").Explains(name));
}
