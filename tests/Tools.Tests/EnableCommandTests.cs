// SPDX-License-Identifier: LGPL-2.1-or-later
using Xunit;

namespace Hikae.Tools.Tests;

public sealed class EnableCommandTests : CommandLineTest
{
    private const string Annotated =
        "<domain><metadata><h:protect xmlns:h='urn:hikae:domain:1' backup='old:5' outputs='unheld' interval='50'/></metadata></domain>";

    private const string Inactive = "Id:             -\nPersistent:     yes\n";
    private const string Transient = "Id:             4\nPersistent:     no\n";

    [Fact]
    public void A_running_guest_is_annotated_live_and_for_its_next_start()
    {
        Assert.Equal(0, Run("enable", "web", "--backup", "hostB:17000", "--outputs", "unheld"));

        Assert.Equal(
            ["metadata|--domain|web|--uri|urn:hikae:domain:1|--key|hikae|--set|<protect backup=\"hostB:17000\" outputs=\"unheld\" />|--live|--config|"],
            Virsh.Changes);
        Assert.Equal("web gets a replica on hostB:17000; watch it with: hikae status\n", Output.ToString());
    }

    [Theory]
    [InlineData(Inactive, "|--config|")]
    [InlineData(Transient, "|--live|")]
    public void Only_what_exists_is_annotated(string information, string scope)
    {
        Virsh.Answer("dominfo", information);

        Assert.Equal(0, Run("enable", "web", "--backup", "hostB"));

        Assert.EndsWith("/>" + scope, Assert.Single(Virsh.Changes), StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_annotation_says_already_stays()
    {
        Virsh.Answer("live.xml", Annotated);

        Assert.Equal(0, Run("enable", "web", "--backup", "hostB"));

        Assert.Contains("<protect backup=\"hostB\" outputs=\"unheld\" interval=\"50\" />", Assert.Single(Virsh.Changes), StringComparison.Ordinal);
    }

    [Fact]
    public void A_priority_is_written_beside_the_rest()
    {
        Virsh.Answer("live.xml", Annotated);

        Assert.Equal(0, Run("enable", "web", "--backup", "hostB", "--priority", "90"));

        Assert.Contains("interval=\"50\" priority=\"90\" />", Assert.Single(Virsh.Changes), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-1")]
    [InlineData("101")]
    public void A_priority_out_of_range_is_refused(string priority)
    {
        Assert.Equal(2, Run("enable", "web", "--backup", "b", "--priority", priority));

        Assert.Contains("use 0 to 100", Errors.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a b", "is no host")]
    [InlineData("localhost", "is this host")]
    [InlineData("HOSTa", "is this host")]
    public void A_backup_that_cannot_be_one_is_refused_before_anything_changes(string backup, string sentence)
    {
        File.WriteAllText(Surroundings.ConfigurationFile, "[host]\nname = hostA\n");

        Assert.Equal(2, Run("enable", "web", "--backup", backup));

        Assert.Contains(sentence, Errors.ToString(), StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(Root, "bin", "calls")));
    }

    [Theory]
    [InlineData("enable", "web")]
    [InlineData("enable", "web", "--backup", "b", "--outputs", "never")]
    [InlineData("enable", "--backup", "b")]
    [InlineData("disable")]
    [InlineData("failover")]
    [InlineData("protect", "web")]
    [InlineData("status", "--jsno", "x", "y")]
    public void A_command_line_that_is_not_understood_gives_2(params string[] arguments)
    {
        Assert.Equal(2, Run(arguments));

        Assert.EndsWith("hikae: see hikae --help\n", Errors.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_virsh_says_is_passed_on()
    {
        Virsh.Answer("refusal", "error: failed to get domain 'web'\n");

        Assert.Equal(1, Run("enable", "web", "--backup", "hostB"));

        Assert.Equal("hikae: error: failed to get domain 'web'\n", Errors.ToString());
    }

    [Theory]
    [InlineData(Annotated, Annotated, "|--remove|--live|--config|")]
    [InlineData(Annotated, "<domain/>", "|--remove|--live|")]
    [InlineData("<domain/>", Annotated, "|--remove|--config|")]
    public void Disable_removes_the_annotation_where_it_is(string live, string inactive, string call)
    {
        Virsh.Answer("live.xml", live);
        Virsh.Answer("inactive.xml", inactive);

        Assert.Equal(0, Run("disable", "web"));

        Assert.EndsWith(call, Assert.Single(Virsh.Changes), StringComparison.Ordinal);
    }

    [Fact]
    public void Disabling_what_was_not_enabled_changes_nothing()
    {
        Assert.Equal(0, Run("disable", "web"));

        Assert.Empty(Virsh.Changes);
        Assert.Equal("web was not to be protected; nothing changed\n", Output.ToString());
    }
}
