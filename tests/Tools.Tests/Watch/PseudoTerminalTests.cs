// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Text;
using Hikae.Harness;
using Hikae.Protocol.Control;
using Xunit;

namespace Hikae.Tools.Tests.Watch;

/// <summary>The program itself on a terminal, with hikaed's socket in a /run of its own.</summary>
public sealed class PseudoTerminalTests : IDisposable
{
    private const int Columns = 90;
    private const int Rows = 12;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly string _root = Directory.CreateTempSubdirectory("hikae-watch-").FullName;
    private readonly StringBuilder _seen = new();

    private string ControlSocket => Path.Combine(_root, "hikaed.sock");

    [Fact]
    public async Task Ctrl_C_ends_it_with_0_and_the_terminal_is_as_it_was()
    {
        Requires.Root();
        Requires.Command("script");
        var daemon = new AnsweringHikaed(ControlSocket, StatusWatchTests.Guest("web"));
        using Process terminal = Start(
            $"stty rows {Rows} cols {Columns}; stty -g > {_root}/before; {Program} status --watch 0.1; echo \"ended with $?\"; stty -g > {_root}/after");

        await UntilAsync(terminal, () => Screen().Lines.Any(line => line.StartsWith("web    primary  protected", StringComparison.Ordinal)));
        daemon.Dispose();
        await UntilAsync(terminal, () => Screen().Lines.First().StartsWith("hikaed is not running on this host", StringComparison.Ordinal));
        using var next = new AnsweringHikaed(ControlSocket, StatusWatchTests.Guest("web", GuestState.Synchronising));
        await UntilAsync(terminal, () => Screen().Lines.Any(line => line.StartsWith("web    primary  synchronising", StringComparison.Ordinal)));
        await terminal.StandardInput.WriteAsync('\u0003');
        await UntilAsync(terminal, () => Screen().Lines.Contains("ended with 0"));
        await terminal.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Deadline, TestContext.Current.CancellationToken);

        string[] lines = [.. Screen().Lines];
        Assert.Equal(["ended with 0"], lines.SkipWhile(line => line != "ended with 0").TakeWhile(line => line.Length > 0));
        Assert.Equal(await File.ReadAllTextAsync($"{_root}/before", TestContext.Current.CancellationToken), await File.ReadAllTextAsync($"{_root}/after", TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("--help", "Description:")]
    [InlineData("status", "web    primary  ")]
    [InlineData("status --json", "\"guest\": \"web\"")]
    [InlineData("doctor", "hikaed")]
    [InlineData("nonsense", "see hikae --help")]
    public async Task No_command_changes_the_terminals_keys(string command, string words)
    {
        Requires.Root();
        Requires.Command("script");
        using var daemon = new AnsweringHikaed(ControlSocket, StatusWatchTests.Guest("web"));
        using Process terminal = Start($"stty rows {Rows} cols {Columns}; stty -g > {_root}/before; {Program} {command}; stty -g > {_root}/after; echo \"end\"ed");

        await UntilAsync(terminal, () => _seen.ToString().Contains("ended", StringComparison.Ordinal));

        Assert.Contains(words, _seen.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("\e[?", _seen.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("\e=", _seen.ToString(), StringComparison.Ordinal);
        Assert.Equal(await File.ReadAllTextAsync($"{_root}/before", TestContext.Current.CancellationToken), await File.ReadAllTextAsync($"{_root}/after", TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_pipe_whose_reader_has_gone_ends_it()
    {
        Requires.Root();
        Requires.Command("script");
        using var daemon = new AnsweringHikaed(ControlSocket, StatusWatchTests.Guest("web"));
        using Process terminal = Start($"{Program} status --watch 0.1 | head -n 1 | cat -v; echo \"ended with ${{PIPESTATUS[0]}}\"");

        await UntilAsync(terminal, () => _seen.ToString().Contains("ended with 0", StringComparison.Ordinal));

        Assert.DoesNotContain("^[", _seen.ToString(), StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private static string Program => $"dotnet {Path.Combine(AppContext.BaseDirectory, "hikae.dll")}";

    private Process Start(string command)
    {
        File.WriteAllText($"{_root}/run.sh", command + "\n");
        var start = new ProcessStartInfo(
            "unshare",
            ["--mount", "sh", "-c", $"mount -t tmpfs none /run && ln -s {_root} /run/hikae && exec script -qfec 'bash {_root}/run.sh' /dev/null"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            StandardOutputEncoding = Encoding.UTF8,
        };
        start.Environment["TERM"] = "xterm-256color";
        start.Environment["SHELL"] = "/bin/bash";
        return Process.Start(start)!;
    }

    private Screen Screen() => new Screen(Columns, Rows).Write(_seen.ToString());

    private async Task UntilAsync(Process terminal, Func<bool> seen)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Deadline);
        char[] buffer = new char[4096];
        while (!seen())
        {
            int read = await terminal.StandardOutput.ReadAsync(buffer, limit.Token);
            Assert.True(read > 0, $"it ended, and what was awaited did not come:\n{_seen}");
            _seen.Append(buffer, 0, read);
        }
    }
}
