// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Annotation;
using Hikae.Protocol.Control;
using Xunit;

namespace Hikae.Protocol.Tests.Annotation;

public sealed class TitleLineTests
{
    [Theory]
    [InlineData(null, "web [hikae: protected, backup hostB]")]
    [InlineData("Web server", "Web server [hikae: protected, backup hostB]")]
    [InlineData("web", "web  [hikae: protected, backup hostB]")]
    public void It_says_how_the_guest_is_protected_and_what_was_there_comes_back(string? own, string line)
    {
        Assert.Equal(line, TitleLine.Of(own, "web", Status(GuestState.Protected)));
        Assert.True(TitleLine.IsOurs(line));
        Assert.Equal(own, TitleLine.Own(line, "web"));
    }

    [Fact]
    public void An_unprotected_guest_says_why_in_one_short_line()
    {
        string line = TitleLine.Of(null, "web", Status(GuestState.Unprotected, "first\nsecond] \uD83D " + new string('x', 200)));

        Assert.StartsWith("web [hikae: unprotected, first second]   xxx", line, StringComparison.Ordinal);
        Assert.True(line.Length < 120);
        Assert.Null(TitleLine.Own(line, "web"));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("Web server [test]")]
    [InlineData("[hikae: mine")]
    public void Another_title_is_the_administrators(string? title) => Assert.Equal(title, TitleLine.Own(title, "web"));

    private static GuestStatus Status(GuestState state, string? reason = null) => new()
    {
        Guest = "web",
        Uuid = Guid.Empty,
        Role = GuestRole.Primary,
        State = state,
        Reason = reason,
        Peer = "hostB",
        Host = "hostA",
        UpdatedAt = DateTimeOffset.UnixEpoch,
    };
}
