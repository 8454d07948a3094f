// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Host.Fencing;
using Hikae.Protocol.Configuration;
using Hikae.Protocol.Control;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Hikae.Host.Tests.Fencing;

public sealed class FenceAgentTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("hikae-fence-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_agent_is_told_what_fence_agents_are_told_and_its_status_is_the_answer()
    {
        FenceAgent agent = Agent($"cat >{_folder}/input", ["ip={host}-bmc.example", "username=root"]);

        Assert.Equal(new Result(true, "hostA is off"), await agent.FenceAsync("hostA"));

        Assert.Equal(
            ["action=off", "port=hostA", "plug=hostA", "nodename=hostA", "ip=hostA-bmc.example", "username=root"], File.ReadAllLines(Path.Combine(_folder, "input")));
    }

    [Theory]
    [InlineData("exit 1")]
    [InlineData("exec <&-; exit 7")]
    [InlineData("kill -KILL $$")]
    public async Task Any_other_end_is_a_failure(string script) => Assert.False((await Agent(script).FenceAsync("hostA")).Ok);

    [Fact]
    public async Task An_agent_that_hangs_is_ended_with_all_it_started()
    {
        var clock = new FakeTimeProvider();
        FenceAgent agent = Agent($"sleep 600 & echo $! >{_folder}/child; mv {_folder}/child {_folder}/hangs; wait", clock: clock);
        Task<Result> answer = agent.FenceAsync("hostA");
        await Eventually.TrueAsync(() => File.Exists(Path.Combine(_folder, "hangs")), "the agent runs");

        clock.Advance(TimeSpan.FromMinutes(2));

        Assert.False((await answer).Ok);
        string child = File.ReadAllText(Path.Combine(_folder, "hangs")).Trim();
        await Eventually.TrueAsync(() => !Directory.Exists($"/proc/{child}") || File.ReadAllText($"/proc/{child}/stat").Contains(") Z ", StringComparison.Ordinal), "gone");
    }

    [Fact]
    public async Task Who_asks_while_it_runs_gets_the_same_answer_and_who_asks_later_a_new_one()
    {
        string go = Path.Combine(_folder, "go");
        FenceAgent agent = Agent($"echo run >>{_folder}/runs; while ! [ -e {go} ]; do sleep 0.02; done");
        Task<Result>[] answers = [.. Enumerable.Range(0, 20).Select(_ => agent.FenceAsync("hostA"))];
        File.WriteAllText(go, "");

        Assert.All(await Task.WhenAll(answers), answer => Assert.True(answer.Ok));
        Assert.Single(File.ReadAllLines(Path.Combine(_folder, "runs")));

        await agent.FenceAsync("hostA");
        Assert.Equal(2, File.ReadAllLines(Path.Combine(_folder, "runs")).Length);
    }

    [Fact]
    public async Task A_program_that_is_not_there_and_none_at_all_are_failures()
    {
        Assert.False((await Of(new FenceConfiguration { Command = "/nonexistent/fence" }).FenceAsync("hostA")).Ok);
        Assert.False((await Of(new FenceConfiguration()).FenceAsync("hostA")).Ok);
    }

    [Theory]
    [InlineData("")]
    [InlineData("hostA\naction=on")]
    [InlineData("host A")]
    public async Task What_is_no_host_name_reaches_no_agent(string host)
    {
        Assert.False((await Agent($"touch {_folder}/ran").FenceAsync(host)).Ok);

        Assert.False(File.Exists(Path.Combine(_folder, "ran")));
    }

    [Fact]
    public async Task A_sidecar_asks_over_the_control_socket()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        using FakeSidecar backup = FakeSidecar.Register(daemon.Options.ControlSocket, Guid.NewGuid(), GuestRole.Backup);

        backup.Send(new FenceHost("hostA"));

        Assert.Equal(new Result(false, "no fence command is configured"), await backup.NextAsync());
    }

    private static FenceAgent Of(FenceConfiguration configuration, TimeProvider? clock = null) =>
        new(configuration, clock ?? TimeProvider.System, NullLogger.Instance);

    private FenceAgent Agent(string script, string[]? options = null, TimeProvider? clock = null)
    {
        string path = Path.Combine(_folder, "fence_test");
        File.WriteAllText(path, $"#!/bin/sh\n{script}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return Of(new FenceConfiguration { Command = path, Options = options ?? [] }, clock);
    }
}
