// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Protocol.Control;
using Xunit;

namespace Hikae.Host.Tests;

/// <summary>An exception in a timer's callback ends the process, and with it what hikaed watches over.</summary>
public sealed class LateTimerTests
{
    private static readonly Guid Mail = new("7b3e9a52-0c1d-4f7e-8a6b-5c4d3e2f1a00");

    [Fact]
    public async Task A_limit_that_fires_when_a_command_has_just_spoken_harms_nobody()
    {
        var clock = new LateTimers();
        await using RunningDaemon daemon = await RunningDaemon.StartAsync(clock);
        using FakeSidecar command = daemon.Connect();
        Assert.Empty(await command.QueryAsync());
        await Eventually.TrueAsync(() => clock.Disposed > 0, "a limit is over");

        clock.Fire();

        Assert.Empty(await command.QueryAsync());
    }

    [Fact]
    public async Task A_limit_that_fires_when_a_link_has_just_been_handed_over_harms_nobody()
    {
        var clock = new LateTimers();
        await using RunningDaemon daemon = await RunningDaemon.StartAsync(clock);
        using FakeSidecar sidecar = FakeSidecar.Register(daemon.Options.ControlSocket, Mail, GuestRole.Backup);
        await Eventually.TrueAsync(() => daemon.Log.Lines.Any(line => line.Contains("registered", StringComparison.Ordinal)), "registered");
        await Eventually.TrueAsync(() => clock.Disposed > 0, "the sidecar's limit is over");
        clock.Forget();
        using Socket primary = await daemon.LinkAsync(Mail);
        using Socket link = await sidecar.NextLinkAsync();
        await Eventually.TrueAsync(() => clock.Disposed > 0, "a limit is over");

        clock.Fire();

        Assert.IsType<Link>(await sidecar.NextAsync());
        await link.SendAsync("answer"u8.ToArray(), TestContext.Current.CancellationToken);
        byte[] buffer = new byte[64];
        Assert.Equal("answer"u8.ToArray(), buffer[..await RunningDaemon.ReceiveAsync(primary, buffer)]);
    }
}
