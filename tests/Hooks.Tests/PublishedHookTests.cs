// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text;
using Xunit;

namespace Hikae.Hooks.Tests;

/// <summary>The program as it is installed, between a stand-in for libvirt and one for the sidecar. As root, as libvirt runs it.</summary>
public sealed class PublishedHookTests : IDisposable
{
    private static readonly HookResult Silent = new(0, "", "");

    private readonly HookProcess _hook = new();

    public PublishedHookTests() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: the hook ignores other users");

    public void Dispose() => _hook.Dispose();

    [Theory]
    [InlineData("prepare")]
    [InlineData("started")]
    [InlineData("release")]
    public async Task An_unprotected_guest_leaves_no_trace(string operation)
    {
        Assert.Equal(Silent, await _hook.CallAsync(operation, Domain.Xml()));

        Assert.Empty(Directory.EnumerateFileSystemEntries(_hook.Run));
        Assert.False(Directory.Exists(_hook.Log));
    }

    [Fact]
    public async Task A_sidecar_is_started_detached_and_stopped_with_its_guest()
    {
        HookResult started = await _hook.CallAsync("started", Domain.Xml(Domain.Protect));
        int pid = await _hook.SidecarPidAsync();

        Assert.Equal(Silent, started);
        Assert.Equal($"--role primary --uuid {Domain.Uuid}\n", File.ReadAllText(Path.Combine(_hook.Root, "arguments")));
        Assert.Equal("/dev/null", Descriptor(pid, 0));
        Assert.Equal(Path.Combine(_hook.Log, Domain.Uuid + ".log"), Descriptor(pid, 1));
        Assert.Equal(Descriptor(pid, 1), Descriptor(pid, 2));
        Assert.All(Directory.GetFiles($"/proc/{pid}/fd"), fd => Assert.DoesNotMatch("^(pipe|socket):", Target(fd)));
        Assert.Equal(pid, SessionOf(pid));
        Assert.DoesNotContain("LIBVIRT_SECRET", File.ReadAllText(Path.Combine(_hook.Root, "environment")), StringComparison.Ordinal);

        HookResult released = await _hook.CallAsync("release", Domain.Xml(Domain.Protect), "shutdown");
        await _hook.SidecarGoneAsync();

        Assert.Equal(Silent, released);
        Assert.Equal("shutdown", File.ReadAllText(Path.Combine(_hook.Run, Domain.Uuid + ".released")));
    }

    [Fact]
    public async Task A_pid_that_belongs_to_somebody_else_by_now_is_left_alone()
    {
        File.WriteAllText(Path.Combine(_hook.Run, Domain.Uuid + ".pid"), $"{Environment.ProcessId}\n");

        Assert.Equal(Silent, await _hook.CallAsync("release", Domain.Xml(Domain.Protect)));
    }

    [Theory]
    [InlineData("reconnect")]
    [InlineData("started")]
    [InlineData("release")]
    public async Task Garbage_is_none_of_our_business(string operation)
    {
        byte[] garbage = new byte[100_000];
        new Random(1).NextBytes(garbage);

        Assert.Equal(Silent, await _hook.CallAsync(operation, garbage));
    }

    [Fact]
    public async Task Five_megabytes_of_XML_keep_nobody_waiting()
    {
        byte[] large = Encoding.UTF8.GetBytes(new string(' ', 5_000_000));

        Assert.Equal(Silent, await _hook.CallAsync("started", large));
    }

    [Fact]
    public async Task Trouble_is_told_on_stderr_and_the_guest_runs_all_the_same()
    {
        Directory.Delete(_hook.Run);
        File.WriteAllText(_hook.Run, "a file where a directory should be");

        HookResult result = await _hook.CallAsync("release", Domain.Xml(Domain.Protect));

        Assert.Equal(0, result.ExitCode);
        Assert.Empty(result.Output);
        Assert.StartsWith("hikae: ", result.Errors, StringComparison.Ordinal);
    }

    private static string Descriptor(int pid, int number) => Target($"/proc/{pid}/fd/{number}");

    private static string Target(string link) => new FileInfo(link).LinkTarget!;

    private static int SessionOf(int pid)
    {
        string stat = File.ReadAllText($"/proc/{pid}/stat");
        return int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[3], System.Globalization.CultureInfo.InvariantCulture);
    }
}
