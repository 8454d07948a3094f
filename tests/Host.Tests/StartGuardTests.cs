// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Host.Control;
using Hikae.Host.Sidecars;
using Hikae.Protocol.Control;
using Hikae.Protocol.Ownership;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Hikae.Host.Tests;

public class StartGuardTests
{
    private static readonly Guid Mail = new("7b3e9a52-0c1d-4f7e-8a6b-5c4d3e2f1a00");

    [Fact]
    public async Task A_guest_nobody_ever_claimed_may_start()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();

        Assert.True((await AskAsync(daemon)).Ok);
        Assert.Null(daemon.Arbiter.Read(Mail));
    }

    [Fact]
    public async Task A_guest_that_another_host_owns_may_not_and_the_answer_names_the_host()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        Claim(daemon, 1, "elsewhere", "here");

        Result result = await AskAsync(daemon);

        Assert.False(result.Ok);
        Assert.Contains("active on elsewhere (generation 1", result.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_guest_that_was_stopped_in_order_may_start_anywhere()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        Claim(daemon, 1, "elsewhere", "here");
        Claim(daemon, 2, "elsewhere", null, ended: true);

        Assert.True((await AskAsync(daemon)).Ok);
    }

    [Fact]
    public async Task A_guest_of_this_host_that_a_backup_could_take_is_claimed_alone_first()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        Claim(daemon, 1, RunningDaemon.HostName, "elsewhere");

        Assert.True((await AskAsync(daemon)).Ok);
        Assert.Equal(new OwnershipRecord(Mail, 2, RunningDaemon.HostName, null, 5000), daemon.Arbiter.Read(Mail));
    }

    [Fact]
    public async Task Each_question_is_a_new_reading()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        Assert.True((await AskAsync(daemon)).Ok);

        Claim(daemon, 1, "elsewhere", null);

        Assert.False((await AskAsync(daemon)).Ok);
    }

    [Fact]
    public async Task Without_the_arbiter_nothing_starts_and_the_answer_names_the_cure()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        Directory.Move(Path.Combine(daemon.Root, "arbiter"), Path.Combine(daemon.Root, "unmounted"));

        Result result = await AskAsync(daemon);

        Assert.False(result.Ok);
        Assert.Contains("hikae doctor", result.Message, StringComparison.Ordinal);
        Assert.Contains("urn:hikae:domain:1 --config --remove", result.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task While_the_last_run_is_drained_nothing_starts_and_afterwards_it_does()
    {
        var clock = new FakeTimeProvider();
        await using RunningDaemon daemon = await RunningDaemon.StartAsync(clock);
        string mark = Path.Combine(daemon.Options.RunDirectory, $"{Mail}.draining");
        using Process sidecar = StandIn("primary");
        File.WriteAllText(mark, $"{sidecar.Id}\n");

        Result result = await AskAsync(daemon, clock);

        Assert.False(result.Ok);
        Assert.Contains("still being written to its disks", result.Message, StringComparison.Ordinal);

        sidecar.Kill(entireProcessTree: true);
        await sidecar.WaitForExitAsync(TestContext.Current.CancellationToken);
        File.Delete(mark);
        Assert.True((await AskAsync(daemon, clock)).Ok);
    }

    [Fact]
    public async Task Writes_that_no_sidecar_looks_after_get_one_before_the_guest_may_start()
    {
        var clock = new FakeTimeProvider();
        await using RunningDaemon daemon = await RunningDaemon.StartAsync(clock);
        string mark = Path.Combine(daemon.Options.RunDirectory, $"{Mail}.draining");
        File.WriteAllText(mark, $"{Environment.ProcessId}\n"); // somebody else by now

        Assert.False((await AskAsync(daemon, clock)).Ok);

        Assert.Contains(new SidecarKey(Mail, GuestRole.Primary), daemon.Launcher.Started);
        File.Delete(mark);
        Assert.True((await AskAsync(daemon, clock)).Ok);
    }

    [Fact]
    public async Task A_start_waits_for_the_sidecar_of_the_last_run_and_gets_what_it_released()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        Claim(daemon, 1, RunningDaemon.HostName, "elsewhere");
        using FakeSidecar command = daemon.Connect();
        using (FakeSidecar sidecar = FakeSidecar.Register(daemon.Options.ControlSocket, Mail, GuestRole.Primary))
        {
            await Eventually.TrueAsync(() => daemon.Log.Lines.Any(line => line.Contains("registered", StringComparison.Ordinal)), "registered");
            command.Send(new AskStart(Mail));
            Claim(daemon, 2, RunningDaemon.HostName, null, ended: true);
            sidecar.Send(new Goodbye());
        }

        Assert.True(((Result)await command.NextAsync()).Ok);
        Assert.Equal(2, daemon.Arbiter.Read(Mail)!.Generation);
    }

    [Fact]
    public async Task A_guest_that_is_being_recovered_here_is_not_started_besides()
    {
        var clock = new FakeTimeProvider();
        await using RunningDaemon daemon = await RunningDaemon.StartAsync(clock);
        Claim(daemon, 1, RunningDaemon.HostName, null);
        using FakeSidecar backup = FakeSidecar.Register(daemon.Options.ControlSocket, Mail, GuestRole.Backup);
        backup.Send(new Status(FakeSidecar.StatusOf(Mail, GuestRole.Backup, GuestState.Recovering)));
        await Eventually.TrueAsync(() => daemon.Log.Lines.Any(line => line.Contains("is now Recovering", StringComparison.Ordinal)), "recovering");

        Assert.False((await AskAsync(daemon, clock)).Ok);
    }

    [Fact]
    public async Task A_guest_that_is_announced_as_migrating_may_start_here_once_and_no_backup_may_take_it()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        Claim(daemon, 1, "elsewhere", "a third");

        Assert.True((await AskAsync(daemon, migrates: true)).Ok);

        Assert.Equal(new OwnershipRecord(Mail, 2, "elsewhere", null, 5000), daemon.Arbiter.Read(Mail));
        Assert.True((await AskAsync(daemon)).Ok);
        Assert.False((await AskAsync(daemon)).Ok);
    }

    [Fact]
    public async Task An_announced_guest_that_is_protected_again_before_its_start_may_not_start_here()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        Claim(daemon, 1, "elsewhere", "a third");
        Assert.True((await AskAsync(daemon, migrates: true)).Ok);

        Claim(daemon, 3, "elsewhere", "a third");

        Assert.False((await AskAsync(daemon)).Ok);
    }

    [Fact]
    public async Task An_announcement_does_not_last()
    {
        var clock = new FakeTimeProvider();
        await using RunningDaemon daemon = await RunningDaemon.StartAsync(clock);
        Claim(daemon, 1, "elsewhere", null);
        Assert.True((await AskAsync(daemon, clock, migrates: true)).Ok);

        clock.Advance(TimeSpan.FromMinutes(1));

        Assert.False((await AskAsync(daemon, clock)).Ok);
    }

    private static void Claim(RunningDaemon daemon, long generation, string owner, string? protectedBy, bool ended = false) =>
        Assert.True(daemon.Arbiter.TryClaim(new OwnershipRecord(Mail, generation, owner, protectedBy, 5000, ended), out _));

    /// <summary>With a fake clock the limits pass at once.</summary>
    private static async Task<Result> AskAsync(RunningDaemon daemon, FakeTimeProvider? clock = null, bool migrates = false)
    {
        using FakeSidecar command = daemon.Connect();
        command.Send(new AskStart(Mail, migrates));
        Task<ControlMessage> answer = command.NextAsync();
        if (clock is not null)
        {
            await Eventually.TrueAsync(() => answer.IsCompleted, "answer", () => clock.Advance(StartGuard.SettleLimit / 10));
        }
        return (Result)await answer;
    }

    private static Process StandIn(string role) => Process.Start("sh", ["-c", "sleep 600; exit", "hikae-sidecar", "--role", role, "--uuid", Mail.ToString()]);
}
