// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using Hikae.Protocol.Control;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Hikae.Host.Tests;

public class ControlServerTests
{
    private static readonly Guid Mail = new("7b3e9a52-0c1d-4f7e-8a6b-5c4d3e2f1a00");

    [Fact]
    public async Task What_a_sidecar_reports_a_command_is_told()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        using FakeSidecar sidecar = FakeSidecar.Register(daemon.Options.ControlSocket, Mail, GuestRole.Primary);
        GuestStatus status = FakeSidecar.StatusOf(Mail, GuestRole.Primary, GuestState.Protected);
        sidecar.Send(new Status(status));
        using FakeSidecar command = daemon.Connect();

        IReadOnlyList<GuestStatus> all = await StatusesAsync(command, 1);
        Assert.Equal(ControlFrame.Write(new Status(status)), ControlFrame.Write(new Status(all[0])));
    }

    [Fact]
    public async Task A_host_without_guests_answers_with_nothing()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        using FakeSidecar command = daemon.Connect();

        Assert.Empty(await command.QueryAsync());
    }

    [Fact]
    public async Task More_statuses_than_fit_one_frame_come_in_pages()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        var sidecars = new List<FakeSidecar>();
        for (int i = 0; i < 200; i++)
        {
            var uuid = Guid.NewGuid();
            sidecars.Add(FakeSidecar.Register(daemon.Options.ControlSocket, uuid, GuestRole.Primary));
            sidecars[^1].Send(new Status(FakeSidecar.StatusOf(uuid, GuestRole.Primary, GuestState.Unprotected, $"guest{i:D3}") with { Reason = new string('<', 1000) }));
        }
        using FakeSidecar command = daemon.Connect();

        IReadOnlyList<GuestStatus> all = await StatusesAsync(command, 200);
        Assert.Equal(all.Select(status => status.Guest).Order(StringComparer.Ordinal), all.Select(status => status.Guest));
        sidecars.ForEach(sidecar => sidecar.Dispose());
    }

    [Fact]
    public async Task A_sidecar_that_said_goodbye_is_forgotten()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        using FakeSidecar command = daemon.Connect();
        using (FakeSidecar sidecar = FakeSidecar.Register(daemon.Options.ControlSocket, Mail, GuestRole.Primary))
        {
            sidecar.Send(new Status(FakeSidecar.StatusOf(Mail, GuestRole.Primary, GuestState.Ending)));
            await StatusesAsync(command, 1);
            sidecar.Send(new Goodbye());
        }

        await StatusesAsync(command, 0);
        Assert.Empty(daemon.Launcher.Started);
    }

    [Fact]
    public async Task The_last_words_of_a_lost_sidecar_stay_marked_as_stale()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        using FakeSidecar command = daemon.Connect();
        using (FakeSidecar sidecar = FakeSidecar.Register(daemon.Options.ControlSocket, Mail, GuestRole.Primary))
        {
            sidecar.Send(new Status(FakeSidecar.StatusOf(Mail, GuestRole.Primary, GuestState.Protected)));
            Assert.False((await StatusesAsync(command, 1))[0].Stale);
        }

        GuestStatus? status = null;
        await Eventually.TrueAsync(() => status is { Stale: true }, "stale", () => status = command.QueryAsync().GetAwaiter().GetResult().Single());
        Assert.Equal(GuestState.Protected, status!.State);
    }

    [Fact]
    public async Task A_sidecar_that_falls_silent_is_stale_until_it_speaks()
    {
        var clock = new FakeTimeProvider();
        await using RunningDaemon daemon = await RunningDaemon.StartAsync(clock);
        using FakeSidecar command = daemon.Connect();
        using FakeSidecar sidecar = FakeSidecar.Register(daemon.Options.ControlSocket, Mail, GuestRole.Primary);
        var report = new Status(FakeSidecar.StatusOf(Mail, GuestRole.Primary, GuestState.Protected));
        sidecar.Send(report);
        await StatusesAsync(command, 1);

        clock.Advance(TimeSpan.FromSeconds(4));
        Assert.True((await command.QueryAsync())[0].Stale);
        sidecar.Send(report);
        bool stale = true;
        await Eventually.TrueAsync(() => !stale, "fresh again", () => stale = command.QueryAsync().GetAwaiter().GetResult()[0].Stale);
    }

    [Fact]
    public async Task A_second_registration_replaces_the_first()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        using FakeSidecar first = FakeSidecar.Register(daemon.Options.ControlSocket, Mail, GuestRole.Primary);
        await Eventually.TrueAsync(() => daemon.Log.Lines.Any(line => line.Contains("registered", StringComparison.Ordinal)), "first registration");
        using FakeSidecar second = FakeSidecar.Register(daemon.Options.ControlSocket, Mail, GuestRole.Primary);

        await first.ClosedAsync();
        second.Send(new Status(FakeSidecar.StatusOf(Mail, GuestRole.Primary, GuestState.Protected)));
        using FakeSidecar command = daemon.Connect();
        await StatusesAsync(command, 1);
    }

    [Fact]
    public async Task Failover_goes_to_the_backup_and_its_answer_to_the_command()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        using FakeSidecar primary = FakeSidecar.Register(daemon.Options.ControlSocket, Mail, GuestRole.Primary);
        using FakeSidecar backup = FakeSidecar.Register(daemon.Options.ControlSocket, Mail, GuestRole.Backup);
        await Eventually.TrueAsync(() => daemon.Log.Lines.Count(line => line.Contains("registered", StringComparison.Ordinal)) == 2, "both registered");
        using FakeSidecar command = daemon.Connect();
        command.Send(new FailoverGuest("mail"));

        Assert.IsType<Failover>(await backup.NextAsync());
        backup.Send(new Result(true, "mail runs here"));
        Assert.Equal(new Result(true, "mail runs here"), await command.NextAsync());
    }

    [Fact]
    public async Task Failover_goes_to_the_primary_where_there_is_no_backup()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        using FakeSidecar primary = FakeSidecar.Register(daemon.Options.ControlSocket, Mail, GuestRole.Primary);
        await Eventually.TrueAsync(() => daemon.Log.Lines.Any(line => line.Contains("registered", StringComparison.Ordinal)), "registered");
        using FakeSidecar command = daemon.Connect();
        command.Send(new FailoverGuest(Mail.ToString()));

        Assert.IsType<Failover>(await primary.NextAsync());
        primary.Dispose();
        Assert.False(((Result)await command.NextAsync()).Ok);
    }

    [Fact]
    public async Task Failover_of_a_guest_nobody_knows_says_so()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        using FakeSidecar command = daemon.Connect();
        command.Send(new FailoverGuest("nobody"));

        Result result = (Result)await command.NextAsync();
        Assert.False(result.Ok);
        Assert.Contains("nobody", result.Message, StringComparison.Ordinal);
    }

    public static TheoryData<byte[]> Nonsense => new((byte[][])[
        [.. Length(0)],
        [.. Length(ControlLimits.MaxRequestBytes + 1)],
        [0xff, 0xff, 0xff, 0xff],
        [.. Length(4), .. "null"u8],
        [.. Length(2), .. "{}"u8],
        .. (byte[][])[ControlFrame.Write(new Goodbye()), ControlFrame.Write(new Status(FakeSidecar.StatusOf(Mail, GuestRole.Primary, GuestState.Protected)))],
        ControlFrame.Write(new Register(Guid.Empty, "mail", GuestRole.Primary, 1)),
        ControlFrame.Write(new Register(Mail, "", GuestRole.Primary, 1)),
        ControlFrame.Write(new Register(Mail, "mail", GuestRole.Primary, 0))]);

    [Theory]
    [MemberData(nameof(Nonsense))]
    public async Task A_peer_that_sends_nonsense_is_cut_off_and_nobody_else_is(byte[] bytes)
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        using FakeSidecar good = daemon.Connect();
        await good.QueryAsync();
        using FakeSidecar hostile = daemon.Connect();
        hostile.SendRaw(bytes);

        await hostile.ClosedAsync();
        Assert.Empty(await good.QueryAsync());
    }

    [Fact]
    public async Task A_sidecar_cannot_report_for_another_guest()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        using FakeSidecar sidecar = FakeSidecar.Register(daemon.Options.ControlSocket, Mail, GuestRole.Primary);
        sidecar.Send(new Status(FakeSidecar.StatusOf(Guid.NewGuid(), GuestRole.Primary, GuestState.Protected)));

        await sidecar.ClosedAsync();
    }

    [Fact]
    public async Task A_peer_that_says_nothing_is_cut_off()
    {
        var clock = new FakeTimeProvider();
        await using RunningDaemon daemon = await RunningDaemon.StartAsync(clock);
        using FakeSidecar silent = daemon.Connect();
        Task closed = silent.ClosedAsync();

        await Eventually.TrueAsync(() => closed.IsCompleted, "cut off", () => clock.Advance(TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public async Task Only_the_owner_may_use_the_socket()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(daemon.Options.ControlSocket));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(daemon.Options.RunDirectory));
    }

    [Fact]
    public async Task Two_daemons_do_not_share_a_run_directory()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        var second = new HostDaemon(daemon.Options, new Protocol.Configuration.HikaeConfiguration(), TimeProvider.System, daemon.Log);

        await Assert.ThrowsAsync<IOException>(() => second.RunAsync(() => { }, TestContext.Current.CancellationToken));
        using FakeSidecar command = daemon.Connect();
        Assert.Empty(await command.QueryAsync());
    }

    private static byte[] Length(int length)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, length);
        return bytes;
    }

    private static async Task<IReadOnlyList<GuestStatus>> StatusesAsync(FakeSidecar command, int count)
    {
        IReadOnlyList<GuestStatus> all = await command.QueryAsync();
        await Eventually.TrueAsync(() => all.Count == count, $"{count} statuses", () => all = command.QueryAsync().GetAwaiter().GetResult());
        return all;
    }
}
