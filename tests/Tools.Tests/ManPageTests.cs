// SPDX-License-Identifier: LGPL-2.1-or-later
using System.CommandLine;
using Hikae.Harness;
using Xunit;

namespace Hikae.Tools.Tests;

public sealed class ManPageTests
{
    private static readonly string Page = Repository.Read("docs", "man", "hikae.8").Replace("\\-", "-", StringComparison.Ordinal);

    [Fact]
    public void Every_command_has_a_section_that_describes_each_of_its_options()
    {
        RootCommand root = CommandLine.Build(new Surroundings(TextWriter.Null, TextWriter.Null));

        Assert.NotEmpty(root.Subcommands);
        Assert.All(root.Subcommands, command =>
        {
            int start = Page.IndexOf($".SS {command.Name}\n", StringComparison.Ordinal);
            Assert.True(start >= 0, $"hikae.8 does not describe {command.Name}");
            string section = Page[start..Page.IndexOf(".S", start + 3, StringComparison.Ordinal)];
            Assert.All(command.Options, option =>
                Assert.Matches($@"\.TP\n\.BI? {option.Name}\b", section));
            Assert.Contains($".B hikae {command.Name}\n", Page, StringComparison.Ordinal);
        });
        Assert.All(root.Options, option => Assert.Matches($@"\.TP\n\.BR? {option.Name}\b", Page));
    }

    [Fact]
    public void Every_exit_status_is_described() =>
        Assert.All([ExitCode.Done, ExitCode.Failed, ExitCode.Usage, ExitCode.NoDaemon], code =>
            Assert.Contains($".TP\n.B {code}\n", Page, StringComparison.Ordinal));
}
