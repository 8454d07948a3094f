// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Host.Control;
using Hikae.Native.Libvirt;
using Hikae.Protocol.Annotation;
using Hikae.Protocol.Control;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Hikae.Host.Tests;

/// <summary>Against libvirt's own test driver, whose domain "test" all connections of this process share.</summary>
public class DomainWatcherTests
{
    private const string Driver = "test:///default";

    [Fact]
    public async Task A_guest_annotated_while_it_runs_gets_a_sidecar_and_each_change_is_told_to_it()
    {
        var clock = new FakeTimeProvider();
        await using RunningDaemon daemon = await RunningDaemon.StartAsync(clock, Driver);
        using Connection connection = Connection.Open(Driver);
        using Domain domain = connection.FindByName("test")!;
        var key = new SidecarKey(Guid.Parse(domain.Uuid), GuestRole.Primary);
        await ConnectedAsync(daemon);
        FakeSidecar? sidecar = null;
        daemon.Launcher.OnStart = started =>
        {
            sidecar = FakeSidecar.Register(daemon.Options.ControlSocket, started.Uuid, started.Role, "test");
            return Task.CompletedTask;
        };
        try
        {
            domain.SetMetadataElement("<protect backup='hostB'/>", HikaeNamespaces.Prefix, HikaeNamespaces.Domain, DomainAffect.Live);
            await Eventually.TrueAsync(() => sidecar is not null, "started", () => clock.Advance(TimeSpan.FromSeconds(1)));
            Assert.Equal(key, Assert.Single(daemon.Launcher.Started));
            await Eventually.TrueAsync(() => daemon.Log.Lines.Any(line => line.Contains("registered", StringComparison.Ordinal)), "registered");

            domain.SetMetadataElement("<x/>", "hikae-status", HikaeNamespaces.Status, DomainAffect.Live);
            domain.SetMetadataElement("<protect backup='hostC'/>", HikaeNamespaces.Prefix, HikaeNamespaces.Domain, DomainAffect.Live);
            Assert.IsType<Refresh>(await sidecar!.NextAsync());
        }
        finally
        {
            domain.SetMetadataElement(null, HikaeNamespaces.Prefix, HikaeNamespaces.Domain, DomainAffect.Live);
            domain.SetMetadataElement(null, "hikae-status", HikaeNamespaces.Status, DomainAffect.Live);
            sidecar?.Dispose();
        }
    }

    [Fact]
    public async Task An_annotation_that_is_back_when_the_sidecar_has_ended_for_want_of_it_gets_a_new_sidecar()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync(libvirtUri: Driver);
        using Connection connection = Connection.Open(Driver);
        using Domain domain = connection.FindByName("test")!;
        Guid guest = Guid.Parse(domain.Uuid);
        await ConnectedAsync(daemon);
        try
        {
            using FakeSidecar ending = FakeSidecar.Register(daemon.Options.ControlSocket, guest, GuestRole.Primary, "test");
            ending.Send(new Status(FakeSidecar.StatusOf(guest, GuestRole.Primary, GuestState.Ending, "test") with { Reason = GuestStatus.Disabled }));
            await Eventually.TrueAsync(() => daemon.Log.Lines.Any(line => line.Contains("is now Ending", StringComparison.Ordinal)), "ending");
            domain.SetMetadataElement("<protect backup='hostB'/>", HikaeNamespaces.Prefix, HikaeNamespaces.Domain, DomainAffect.Live);
            Assert.IsType<Refresh>(await ending.NextAsync());
            Assert.Empty(daemon.Launcher.Started);

            ending.Send(new Goodbye());
            ending.Dispose();

            await Eventually.TrueAsync(() => !daemon.Launcher.Started.IsEmpty, "another sidecar");
        }
        finally
        {
            domain.SetMetadataElement(null, HikaeNamespaces.Prefix, HikaeNamespaces.Domain, DomainAffect.Live);
        }
    }

    [Fact]
    public async Task Protection_that_is_switched_on_again_and_again_begins_at_once_each_time()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync(libvirtUri: Driver);
        using Connection connection = Connection.Open(Driver);
        using Domain domain = connection.FindByName("test")!;
        Guid guest = Guid.Parse(domain.Uuid);
        await ConnectedAsync(daemon);
        FakeSidecar? sidecar = null;
        daemon.Launcher.OnStart = started =>
        {
            sidecar = FakeSidecar.Register(daemon.Options.ControlSocket, started.Uuid, started.Role, "test");
            return Task.CompletedTask;
        };

        for (int time = 1; time <= 3; time++)
        {
            domain.SetMetadataElement("<protect backup='hostB'/>", HikaeNamespaces.Prefix, HikaeNamespaces.Domain, DomainAffect.Live);
            await Eventually.TrueAsync(() => daemon.Log.Lines.Count(line => line.Contains("registered", StringComparison.Ordinal)) == time, "registered");

            domain.SetMetadataElement(null, HikaeNamespaces.Prefix, HikaeNamespaces.Domain, DomainAffect.Live);
            Assert.IsType<Refresh>(await sidecar!.NextAsync());
            sidecar.Send(new Status(FakeSidecar.StatusOf(guest, GuestRole.Primary, GuestState.Ending, "test") with { Reason = GuestStatus.Disabled }));
            sidecar.Send(new Goodbye());
            sidecar.Dispose();
            await Eventually.TrueAsync(() => daemon.Log.Lines.Count(line => line.Contains("said goodbye", StringComparison.Ordinal)) == time, "gone");
        }

        Assert.DoesNotContain(daemon.Log.Lines, line => line.Contains("in a row", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_domain_that_waits_for_a_guest_nobody_brings_gets_a_sidecar_that_ends_it()
    {
        var clock = new FakeTimeProvider();
        using Connection connection = Connection.Open(Driver);
        using Domain domain = connection.FindByName("test")!;
        var key = new SidecarKey(Guid.Parse(domain.Uuid), GuestRole.Primary);
        try
        {
            domain.SetMetadataElement("<incoming/>", "hikae", HikaeNamespaces.Incoming, DomainAffect.Live);
            await using (RunningDaemon attended = await RunningDaemon.StartAsync(clock, Driver))
            {
                using FakeSidecar backup = FakeSidecar.Register(attended.Options.ControlSocket, key.Uuid, GuestRole.Backup, "test");
                await Eventually.TrueAsync(() => attended.Log.Lines.Any(line => line.Contains("registered", StringComparison.Ordinal)), "registered");
                clock.Advance(TimeSpan.FromSeconds(30));
                Assert.Empty(attended.Launcher.Started);
            }

            await using RunningDaemon daemon = await RunningDaemon.StartAsync(clock, Driver);
            await Eventually.TrueAsync(() => !daemon.Launcher.Started.IsEmpty, "started", () => clock.Advance(TimeSpan.FromSeconds(1)));
            Assert.Equal(key, Assert.Single(daemon.Launcher.Started));
        }
        finally
        {
            domain.SetMetadataElement(null, "hikae", HikaeNamespaces.Incoming, DomainAffect.Live);
        }
    }

    [Fact]
    public async Task A_guest_that_is_gone_gets_no_more_sidecars()
    {
        var clock = new FakeTimeProvider();
        await using RunningDaemon daemon = await RunningDaemon.StartAsync(clock, Driver);
        using (FakeSidecar sidecar = FakeSidecar.Register(daemon.Options.ControlSocket, Guid.NewGuid(), GuestRole.Primary, "gone", pid: int.MaxValue))
        {
            await Eventually.TrueAsync(() => daemon.Log.Lines.Any(line => line.Contains("registered", StringComparison.Ordinal)), "registered");
        }

        await Eventually.TrueAsync(
            () => daemon.Log.Lines.Any(line => line.Contains("did not register", StringComparison.Ordinal)), "one start", () => clock.Advance(TimeSpan.FromSeconds(1)));
        for (int i = 0; i < 100; i++)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }

        Assert.Single(daemon.Launcher.Started);
    }

    [Fact]
    public async Task Without_libvirt_the_daemon_runs_and_says_so_once()
    {
        var clock = new FakeTimeProvider();
        await using RunningDaemon daemon = await RunningDaemon.StartAsync(clock);
        await Eventually.TrueAsync(() => Unreachable(daemon) == 1, "said", () => clock.Advance(TimeSpan.FromSeconds(1)));
        using FakeSidecar command = daemon.Connect();

        Assert.Empty(await command.QueryAsync());
    }

    private static int Unreachable(RunningDaemon daemon) => daemon.Log.Lines.Count(line => line.Contains("cannot be reached", StringComparison.Ordinal));

    private static Task ConnectedAsync(RunningDaemon daemon) =>
        Eventually.TrueAsync(() => daemon.Log.Lines.Any(line => line.Contains("Connected to libvirt", StringComparison.Ordinal)), "connected");
}
