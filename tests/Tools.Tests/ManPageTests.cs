// SPDX-License-Identifier: LGPL-2.1-or-later
using System.CommandLine;
using System.Text.Json.Serialization.Metadata;
using Hikae.Harness;
using Hikae.Harness.Documents;
using Hikae.Tools.Display;
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

    [Fact]
    public void Every_member_of_the_JSON_is_explained_under_the_one_that_holds_it()
    {
        ManPage json = ManPage.Read("hikae.8").Section("JSON");

        AssertExplained(ToolsJsonContext.Default.GuestStatus, "");
        AssertExplained(ToolsJsonContext.Default.Finding, "");

        void AssertExplained(JsonTypeInfo type, string prefix) => Assert.All(type.Properties, member =>
        {
            string name = prefix + member.Name;
            Assert.True(json.Explains(name), $"hikae.8 does not explain {name}");
            if (ToolsJsonContext.Default.GetTypeInfo(ElementOf(member.PropertyType)) is { Kind: JsonTypeInfoKind.Object } inner)
            {
                AssertExplained(inner, name + ".");
            }
        });
    }

    private static Type ElementOf(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) ? type.GetGenericArguments()[0] : type;
}
