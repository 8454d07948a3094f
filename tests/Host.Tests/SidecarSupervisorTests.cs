// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Host.Control;
using Hikae.Protocol.Control;
using Hikae.Protocol.Ownership;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Hikae.Host.Tests;

public class SidecarSupervisorTests
{
    private static readonly Guid Mail = new("7b3e9a52-0c1d-4f7e-8a6b-5c4d3e2f1a00");
    private static readonly SidecarKey Primary = new(Mail, GuestRole.Primary);

    [Fact]
    public async Task A_primary_that_died_runs_alone_before_its_successor_starts()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        daemon.Arbiter.TryClaim(new OwnershipRecord(Mail, 1, RunningDaemon.HostName, "hostB", 5000), out _);
        OwnershipRecord? atStart = null;
        FakeSidecar? successor = null;
        daemon.Launcher.OnStart = key =>
        {
            atStart = daemon.Arbiter.Read(Mail);
            successor = FakeSidecar.Register(daemon.Options.ControlSocket, key.Uuid, key.Role);
            return Task.CompletedTask;
        };
        await DieAsync(daemon, GuestRole.Primary, GuestState.Protected);

        await Eventually.TrueAsync(() => successor is not null, "successor");
        Assert.Equal(new OwnershipRecord(Mail, 2, RunningDaemon.HostName, null, 5000), atStart);
        Assert.Equal(Primary, Assert.Single(daemon.Launcher.Started));
        successor!.Dispose();
    }

    [Fact]
    public async Task A_primary_that_was_not_protected_claims_nothing()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        await DieAsync(daemon, GuestRole.Primary, GuestState.Connecting);

        await Eventually.TrueAsync(() => !daemon.Launcher.Started.IsEmpty, "successor");
        Assert.Null(daemon.Arbiter.Read(Mail));
    }

    [Fact]
    public async Task A_primary_whose_guest_was_taken_still_gets_a_sidecar_that_ends_it()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        daemon.Arbiter.TryClaim(new OwnershipRecord(Mail, 1, "hostB", null, 5000), out _);
        await DieAsync(daemon, GuestRole.Primary, GuestState.Protected);

        await Eventually.TrueAsync(() => !daemon.Launcher.Started.IsEmpty, "successor");
        Assert.Equal("hostB", daemon.Arbiter.Read(Mail)?.Owner);
        Assert.Contains(daemon.Log.Lines, line => line.StartsWith("Critical", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_sidecar_that_lives_and_comes_back_is_not_replaced()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        using Process process = Process.Start("sleep", "600");
        using (FakeSidecar sidecar = FakeSidecar.Register(daemon.Options.ControlSocket, Mail, GuestRole.Primary, pid: process.Id))
        {
            await CountAsync(daemon, "registered", 1);
        }
        using FakeSidecar again = FakeSidecar.Register(daemon.Options.ControlSocket, Mail, GuestRole.Primary, pid: process.Id);
        await CountAsync(daemon, "registered", 2);

        process.Kill();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        using FakeSidecar command = daemon.Connect();
        await command.QueryAsync();
        Assert.Empty(daemon.Launcher.Started);
    }

    [Fact]
    public async Task A_backup_that_died_before_recovery_waits_for_the_next_link()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        await DieAsync(daemon, GuestRole.Backup, GuestState.Ready);

        await CountAsync(daemon, "died", 1);
        using FakeSidecar command = daemon.Connect();
        IReadOnlyList<GuestStatus> all = [null!];
        await Eventually.TrueAsync(() => all.Count == 0, "forgotten", () => all = command.QueryAsync().GetAwaiter().GetResult());
        Assert.Empty(daemon.Launcher.Started);
    }

    [Fact]
    public async Task A_backup_that_died_while_its_guest_recovers_is_started_again()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        await DieAsync(daemon, GuestRole.Backup, GuestState.Recovering);

        await Eventually.TrueAsync(() => !daemon.Launcher.Started.IsEmpty, "successor");
        Assert.Equal(new SidecarKey(Mail, GuestRole.Backup), daemon.Launcher.Started.First());
    }

    [Fact]
    public async Task A_sidecar_that_never_registers_is_started_again_and_again_but_ever_later()
    {
        var clock = new FakeTimeProvider();
        await using RunningDaemon daemon = await RunningDaemon.StartAsync(clock);
        await DieAsync(daemon, GuestRole.Primary, GuestState.Unprotected);

        await Eventually.TrueAsync(() => daemon.Launcher.Started.Count >= 5, "five starts", () => clock.Advance(TimeSpan.FromSeconds(1)));
        string[] delays = [.. daemon.Log.Lines.Where(line => line.Contains("in a row", StringComparison.Ordinal))];
        Assert.Contains("starts in 1 s", delays[0], StringComparison.Ordinal);
        Assert.Contains("starts in 4 s", delays[2], StringComparison.Ordinal);
    }

    /// <summary>A sidecar with a real process, which is then killed, as its connection is closed.</summary>
    private static async Task DieAsync(RunningDaemon daemon, GuestRole role, GuestState state)
    {
        using Process process = Process.Start("sleep", "600");
        using FakeSidecar sidecar = FakeSidecar.Register(daemon.Options.ControlSocket, Mail, role, pid: process.Id);
        sidecar.Send(new Status(FakeSidecar.StatusOf(Mail, role, state)));
        await CountAsync(daemon, "is now", 1);
        process.Kill();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    private static Task CountAsync(RunningDaemon daemon, string text, int count) => Eventually.TrueAsync(
        () => daemon.Log.Lines.Count(line => line.Contains(text, StringComparison.Ordinal)) >= count, text);
}
