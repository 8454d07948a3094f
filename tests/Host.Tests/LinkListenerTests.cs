// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Host.Links;
using Hikae.Protocol.Control;
using Hikae.Protocol.Replication;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Hikae.Host.Tests;

public class LinkListenerTests
{
    private static readonly Guid Mail = new("7b3e9a52-0c1d-4f7e-8a6b-5c4d3e2f1a00");

    [Fact]
    public async Task A_link_reaches_the_registered_sidecar_with_every_byte_after_the_preamble()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        using FakeSidecar sidecar = FakeSidecar.Register(daemon.Options.ControlSocket, Mail, GuestRole.Backup);
        await RegisteredAsync(daemon);
        using Socket primary = await daemon.LinkAsync(null);
        byte[] preamble = new byte[Preamble.Bytes];
        Preamble.Write(preamble, Mail);
        await primary.SendAsync((byte[])[.. preamble, .. "hello"u8], TestContext.Current.CancellationToken);

        using Socket link = await sidecar.NextLinkAsync();
        Assert.IsType<Link>(await sidecar.NextAsync());
        byte[] buffer = new byte[64];
        Assert.Equal("hello"u8.ToArray(), buffer[..await RunningDaemon.ReceiveAsync(link, buffer)]);
        await link.SendAsync("answer"u8.ToArray(), TestContext.Current.CancellationToken);
        Assert.Equal("answer"u8.ToArray(), buffer[..await RunningDaemon.ReceiveAsync(primary, buffer)]);
    }

    [Fact]
    public async Task A_link_for_a_guest_without_sidecar_starts_one()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        FakeSidecar? sidecar = null;
        daemon.Launcher.OnStart = key =>
        {
            sidecar = FakeSidecar.Register(daemon.Options.ControlSocket, key.Uuid, key.Role);
            return Task.CompletedTask;
        };
        using Socket primary = await daemon.LinkAsync(Mail);
        await Eventually.TrueAsync(() => sidecar is not null, "sidecar started");

        using Socket link = await sidecar!.NextLinkAsync();
        Assert.Equal(new Control.SidecarKey(Mail, GuestRole.Backup), Assert.Single(daemon.Launcher.Started));
        sidecar.Dispose();
    }

    [Fact]
    public async Task A_link_whose_sidecar_does_not_come_is_closed()
    {
        var clock = new FakeTimeProvider();
        await using RunningDaemon daemon = await RunningDaemon.StartAsync(clock);
        using Socket primary = await daemon.LinkAsync(Mail);
        Task<int> end = RunningDaemon.ReceiveAsync(primary, new byte[1]);

        await Eventually.TrueAsync(() => end.IsCompleted, "closed", () => clock.Advance(TimeSpan.FromSeconds(1)));
        Assert.Equal(0, await end);
        Assert.Single(daemon.Launcher.Started);
    }

    [Fact]
    public async Task Wrong_magic_is_closed_and_starts_nothing()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        using Socket stranger = await daemon.LinkAsync(null);
        await stranger.SendAsync("GET / HTTP/1.1\r\nHost: a.b"u8.ToArray(), TestContext.Current.CancellationToken);

        Assert.Equal(0, await RunningDaemon.ReceiveAsync(stranger, new byte[1]));
        Assert.Empty(daemon.Launcher.Started);
    }

    [Fact]
    public async Task A_slow_preamble_is_closed()
    {
        var clock = new FakeTimeProvider();
        await using RunningDaemon daemon = await RunningDaemon.StartAsync(clock);
        using Socket slow = await daemon.LinkAsync(null);
        await slow.SendAsync("HIKAE\0"u8.ToArray(), TestContext.Current.CancellationToken);
        Task<int> end = RunningDaemon.ReceiveAsync(slow, new byte[1]);

        await Eventually.TrueAsync(() => end.IsCompleted, "closed", () => clock.Advance(TimeSpan.FromSeconds(1)));
        Assert.Equal(0, await end);
    }

    [Fact]
    public async Task A_thousand_silent_connections_do_not_keep_out_one_that_speaks()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync(new FakeTimeProvider());
        using FakeSidecar sidecar = FakeSidecar.Register(daemon.Options.ControlSocket, Mail, GuestRole.Backup);
        await RegisteredAsync(daemon);
        var silent = new List<Socket>();
        for (int i = 0; i < 1000; i++)
        {
            silent.Add(await daemon.LinkAsync(null));
        }
        using Socket primary = await daemon.LinkAsync(Mail);

        using Socket link = await sidecar.NextLinkAsync();
        Assert.Equal(0, await RunningDaemon.ReceiveAsync(silent[0], new byte[1]));
        silent.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public async Task Strangers_cannot_start_more_than_a_few_sidecars()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync(new FakeTimeProvider());
        var strangers = new List<Socket>();
        for (int i = 0; i < 200; i++)
        {
            strangers.Add(await daemon.LinkAsync(Guid.NewGuid()));
        }

        await Eventually.TrueAsync(
            () => daemon.Log.Lines.Count(line => line.Contains("wait for a primary that proves itself", StringComparison.Ordinal)) == 200 - LinkListener.MaxUnproven,
            "the others are refused");
        Assert.Equal(LinkListener.MaxUnproven, daemon.Launcher.Started.Count);
        strangers.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public async Task Sidecars_that_refused_their_peer_count_as_much_as_those_that_wait_for_one()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync(new FakeTimeProvider());
        var refusing = new List<FakeSidecar>();
        for (int i = 0; i < LinkListener.MaxUnproven; i++)
        {
            Guid guest = Guid.NewGuid();
            var sidecar = FakeSidecar.Register(daemon.Options.ControlSocket, guest, GuestRole.Backup);
            sidecar.Send(new Status(FakeSidecar.StatusOf(guest, GuestRole.Backup, GuestState.Failed, peer: null)));
            refusing.Add(sidecar);
        }
        using FakeSidecar command = daemon.Connect();
        int heard = 0;
        for (long started = Environment.TickCount64; heard < refusing.Count && Environment.TickCount64 - started < 60_000;)
        {
            heard = (await command.QueryAsync()).Count;
        }
        Assert.Equal(refusing.Count, heard);

        using Socket stranger = await daemon.LinkAsync(Guid.NewGuid());

        Assert.Equal(0, await RunningDaemon.ReceiveAsync(stranger, new byte[1]));
        Assert.Empty(daemon.Launcher.Started);
        refusing.ForEach(sidecar => sidecar.Dispose());
    }

    [Fact]
    public async Task A_link_for_the_UUID_of_zeros_by_which_doctors_probe_a_host_is_handed_over()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        FakeSidecar? sidecar = null;
        daemon.Launcher.OnStart = key =>
        {
            sidecar = FakeSidecar.Register(daemon.Options.ControlSocket, key.Uuid, key.Role);
            return Task.CompletedTask;
        };
        using Socket primary = await daemon.LinkAsync(Guid.Empty);
        await Eventually.TrueAsync(() => sidecar is not null, "sidecar started");

        using Socket link = await sidecar!.NextLinkAsync();
        sidecar.Dispose();
    }

    private static Task RegisteredAsync(RunningDaemon daemon) => Eventually.TrueAsync(
        () => daemon.Log.Lines.Any(line => line.Contains("registered", StringComparison.Ordinal)), "registered");
}
