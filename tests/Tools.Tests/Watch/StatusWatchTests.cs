// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Control;
using Hikae.Tools.Commands;
using Xunit;

namespace Hikae.Tools.Tests.Watch;

public sealed class StatusWatchTests : CommandLineTest
{
    private const int Columns = 80;
    private const int Rows = 8;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    internal static GuestStatus Guest(string name, GuestState state = GuestState.Protected, string? reason = null) => new()
    {
        Guest = name,
        Uuid = Guid.Parse("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"),
        Role = GuestRole.Primary,
        State = state,
        Reason = reason,
        Epoch = 1,
        Host = "hostA",
        UpdatedAt = DateTimeOffset.UnixEpoch,
    };

    [Fact]
    public async Task A_shorter_frame_leaves_nothing_of_the_longer_one_before_it()
    {
        using var daemon = new AnsweringHikaed(Surroundings.ControlSocket, Guest("a-long-name"), Guest("b", GuestState.Unprotected, "no backup"), Guest("c"));

        await WatchAsync(terminal: true, (1, () => daemon.Guests = [Guest("c")]), (2, static () => { }));

        string[] lines = [.. Screen().Lines];
        Assert.Equal(["GUEST  ROLE     STATE      EPOCH  AGE  PAUSE  MEMORY  REASON", "c      primary  protected  1      -    -      -"], lines.Take(2));
        Assert.All(lines.Skip(2), Assert.Empty);
    }

    [Fact]
    public async Task What_was_on_the_screen_is_scrolled_away_and_a_frame_never_is()
    {
        using var daemon = new AnsweringHikaed(Surroundings.ControlSocket, [.. Enumerable.Range(1, 20).Select(number => Guest($"guest{number}"))]);

        Screen? seen = null;

        await WatchAsync(terminal: true, (3, () => seen = Screen()));

        Screen screen = seen!;
        string[] lines = [.. screen.Lines];
        Assert.Contains("$ hikae status --watch", screen.ScrolledAway);
        Assert.DoesNotContain(screen.ScrolledAway, line => line.Contains("primary", StringComparison.Ordinal));
        Assert.StartsWith("guest5 ", lines[Rows - 3], StringComparison.Ordinal);
        Assert.Equal("… and 15 more lines", lines[Rows - 2]);
    }

    [Fact]
    public async Task A_hikaed_that_goes_away_is_said_to_be_away_and_found_again_when_it_is_back()
    {
        var daemon = new AnsweringHikaed(Surroundings.ControlSocket, Guest("web"));
        AnsweringHikaed? next = null;
        string[] away = [];

        await WatchAsync(
            terminal: true,
            (1, daemon.Dispose),
            (3, () =>
            {
                away = [.. Screen().Lines];
                next = new AnsweringHikaed(Surroundings.ControlSocket, Guest("web", GuestState.Synchronising));
            }),
            (4, static () => { }));
        next!.Dispose();

        Assert.StartsWith("hikaed is not running on this host", away[0], StringComparison.Ordinal);
        Assert.Contains("No answer for 1 s; asking again.", away);
        Assert.DoesNotContain(away, line => line.Contains("protected", StringComparison.Ordinal));
        Assert.Equal("web    primary  synchronising  1      -    -      -", Screen().Lines.ElementAt(1));
    }

    [Fact]
    public async Task Where_no_terminal_is_there_are_tables_and_no_control_sequence()
    {
        using var daemon = new AnsweringHikaed(Surroundings.ControlSocket, Guest("web"));

        await WatchAsync(terminal: false, (2, static () => { }));

        string text = Output.ToString();
        Assert.DoesNotContain('\e', text);
        Assert.Equal(2, text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Equal(3, text.Split("GUEST").Length);
    }

    [Fact]
    public async Task A_reader_that_goes_away_ends_it()
    {
        using var daemon = new AnsweringHikaed(Surroundings.ControlSocket, Guest("web"));
        Surroundings surroundings = Surroundings with { LastingOutput = static () => new GoneReader() };

        Assert.Equal(ExitCode.Done, await new StatusWatch(surroundings, null, TimeSpan.FromSeconds(1)).RunAsync(CancellationToken.None).WaitAsync(Deadline, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("web", "--watch", "0")]
    [InlineData("web", "--watch", "-1")]
    [InlineData("web", "--watch", "3601")]
    [InlineData("--watch", "web")]
    [InlineData("--watch", "--json")]
    public void An_interval_that_is_none_and_a_watched_JSON_are_refused(params string[] words)
    {
        Assert.Equal(ExitCode.Usage, Run(["status", .. words]));

        Assert.Contains("--watch", Errors.ToString(), StringComparison.Ordinal);
    }

    /// <summary>Runs a watch until it has drawn so many frames, changing the world between them.</summary>
    private async Task WatchAsync(bool terminal, params (int Frames, Action Then)[] steps)
    {
        using var clock = new FrameClock();
        using var ending = new CancellationTokenSource();
        Surroundings surroundings = Surroundings with { CanRedraw = terminal, ScreenSize = static () => (Columns, Rows), Clock = clock };
        Task<int> watch = Task.Run(() => new StatusWatch(surroundings, null, FrameClock.Interval).RunAsync(ending.Token));
        foreach ((int frames, Action then) in steps)
        {
            await clock.FramesAsync(frames);
            then();
        }

        await ending.CancelAsync();
        Assert.Equal(ExitCode.Done, await watch.WaitAsync(Deadline, TestContext.Current.CancellationToken));
    }

    private Screen Screen() => new Screen(Columns, Rows).Write("$ hikae status --watch\n").Write(Output.ToString());

    private sealed class GoneReader : StringWriter
    {
        public override void Write(char value) => throw new IOException("Broken pipe");

        public override void Write(char[] buffer, int index, int count) => throw new IOException("Broken pipe");

        public override void Write(string? value) => throw new IOException("Broken pipe");
    }
}
