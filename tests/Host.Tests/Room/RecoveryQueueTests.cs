// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Configuration;
using Hikae.Protocol.Control;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Hikae.Host.Tests.Room;

/// <summary>In which order hikaed lets the sidecars of lost primaries start their guests.</summary>
public sealed class RecoveryQueueTests
{
    private const long MiB = 1 << 20;

    // Nothing happens by the clock's doing.
    private readonly FakeTimeProvider _clock = new();

    [Fact]
    public async Task One_guest_is_started_at_once()
    {
        await using RunningDaemon daemon = await StartAsync(new BackupConfiguration());
        using FakeSidecar guest = Ask(daemon, "mail", 50);

        Assert.Equal(new Turn(true, ""), await guest.NextAsync());
    }

    [Fact]
    public async Task Higher_priority_comes_first_then_the_smaller_guest_whoever_asks_first()
    {
        await using RunningDaemon daemon = await StartAsync(new BackupConfiguration { Recoveries = 1 });
        List<FakeSidecar> sidecars = [Ready(daemon, "cold", 10), Ready(daemon, "large", 50, 200), Ready(daemon, "small", 50, 100), Ready(daemon, "hot", 90, 300)];
        await AllAreReadyAsync(daemon, sidecars.Count);

        using FakeSidecar cold = Ask(daemon, "cold", 10);
        using FakeSidecar large = Ask(daemon, "large", 50, 200);
        using FakeSidecar small = Ask(daemon, "small", 50, 100);
        using FakeSidecar hot = Ask(daemon, "hot", 90, 300);

        Assert.Equal(new Turn(true, ""), await hot.NextAsync());
        foreach (FakeSidecar waiting in (FakeSidecar[])[small, large, cold])
        {
            Assert.Equal(new Turn(false, "as many guests as may be started at once, 1, are being started"), await waiting.NextAsync());
        }
        await RunAsync(daemon, "hot", sidecars[3], hot);
        Assert.Equal(new Turn(true, ""), await small.NextAsync());
        await RunAsync(daemon, "small", sidecars[2], small);
        Assert.Equal(new Turn(true, ""), await large.NextAsync());
        await RunAsync(daemon, "large", sidecars[1], large);
        Assert.Equal(new Turn(true, ""), await cold.NextAsync());
        sidecars.ForEach(sidecar => sidecar.Dispose());
    }

    [Fact]
    public async Task A_guest_that_would_come_first_and_never_asks_is_not_waited_for_for_long()
    {
        await using RunningDaemon daemon = await StartAsync(new BackupConfiguration());
        using FakeSidecar hot = Ready(daemon, "hot", 90);
        await AllAreReadyAsync(daemon, 1);
        using FakeSidecar cold = Ask(daemon, "cold", 10);
        Task<ControlMessage> answer = cold.NextAsync();

        await Eventually.TrueAsync(() => answer.IsCompleted, "answered", () => _clock.Advance(TimeSpan.FromMilliseconds(10)));

        Assert.Equal(new Turn(true, ""), await answer);
    }

    [Fact]
    public async Task A_guest_of_another_host_waits_for_nobody()
    {
        await using RunningDaemon daemon = await StartAsync(new BackupConfiguration());
        using FakeSidecar hot = Ready(daemon, "hot", 90);
        await AllAreReadyAsync(daemon, 1);
        using FakeSidecar other = Ask(daemon, "other", 10, primary: "hostB");

        Assert.Equal(new Turn(true, ""), await other.NextAsync());
    }

    [Fact]
    public async Task A_guest_that_does_not_fit_waits_with_the_figures_lets_smaller_ones_by_and_comes_when_there_is_room()
    {
        await using RunningDaemon daemon = await StartAsync(new BackupConfiguration { Memory = MemoryAmount.Bytes(1000 * MiB) });
        using FakeSidecar first = Ask(daemon, "first", 90, 600);
        Assert.Equal(new Turn(true, ""), await first.NextAsync());

        using FakeSidecar second = Ask(daemon, "second", 80, 600);
        Assert.Equal(
            new Turn(false, "it has 600 MiB of memory, and of the 1000 MiB that guests and replicas may take here the guests have 600 MiB and the replicas 0 MiB"),
            await second.NextAsync());
        using FakeSidecar third = Ask(daemon, "third", 70, 300);
        Assert.Equal(new Turn(true, ""), await third.NextAsync());

        first.Dispose();
        Turn answer;
        do
        {
            // The figures change on the way.
            answer = (Turn)await second.NextAsync();
        }
        while (!answer.Granted);
    }

    [Fact]
    public async Task Memory_that_other_programs_take_is_not_there_for_guests()
    {
        await using RunningDaemon daemon = await StartAsync(new BackupConfiguration { Memory = MemoryAmount.Bytes(1L << 50) });
        using FakeSidecar guest = Ask(daemon, "mail", 50, 1L << 28, used: 1L << 28);

        Assert.Matches("it uses 268435456 MiB of memory, and this host has [0-9]+ MiB left", ((Turn)await guest.NextAsync()).Reason);
    }

    [Fact]
    public async Task A_turn_that_an_earlier_hikaed_gave_is_one()
    {
        await using RunningDaemon daemon = await StartAsync(new BackupConfiguration { Memory = MemoryAmount.Bytes(1 * MiB), Recoveries = 1 });
        using FakeSidecar held = Ask(daemon, "held", 10, held: true);
        Assert.Equal(new Turn(true, ""), await held.NextAsync());

        using FakeSidecar other = Ask(daemon, "other", 90, 1);
        Assert.False(((Turn)await other.NextAsync()).Granted);
    }

    [Fact]
    public async Task A_wish_that_cannot_be_one_is_cut_off()
    {
        await using RunningDaemon daemon = await StartAsync(new BackupConfiguration());
        using FakeSidecar hostile = Ask(daemon, new string('x', 300), 10);

        await hostile.ClosedAsync();
    }

    private Task<RunningDaemon> StartAsync(BackupConfiguration backup) =>
        RunningDaemon.StartAsync(_clock, configure: configuration => configuration with { Backup = backup });

    private static FakeSidecar Ask(
        RunningDaemon daemon, string guest, int priority, long mib = 100, long used = 1, string primary = "hostA", bool held = false)
    {
        FakeSidecar sidecar = daemon.Connect();
        sidecar.Send(new AskTurn(UuidOf(guest), guest, primary, priority, mib * MiB, used * MiB, held));
        return sidecar;
    }

    /// <summary>A backup that holds a whole checkpoint of a guest of hostA. Its process is one that takes nothing.</summary>
    private static FakeSidecar Ready(RunningDaemon daemon, string guest, int priority, long mib = 100)
    {
        FakeSidecar sidecar = FakeSidecar.Register(daemon.Options.ControlSocket, UuidOf(guest), GuestRole.Backup, guest, pid: int.MaxValue);
        sidecar.Send(new Status(FakeSidecar.StatusOf(UuidOf(guest), GuestRole.Backup, GuestState.Ready, guest, "hostA") with { Priority = priority, GuestBytes = mib * MiB }));
        return sidecar;
    }

    /// <summary>The guest runs, and its turn is over.</summary>
    private static async Task RunAsync(RunningDaemon daemon, string guest, FakeSidecar sidecar, FakeSidecar turn)
    {
        sidecar.Send(new Status(FakeSidecar.StatusOf(UuidOf(guest), GuestRole.Backup, GuestState.Recovered, guest, "hostA")));
        using FakeSidecar command = daemon.Connect();
        await Eventually.TrueAsync(
            () => command.QueryAsync().GetAwaiter().GetResult().Any(status => status.Guest == guest && status.State is GuestState.Recovered), "recovered");
        turn.Dispose();
    }

    private static async Task AllAreReadyAsync(RunningDaemon daemon, int count)
    {
        using FakeSidecar command = daemon.Connect();
        await Eventually.TrueAsync(() => command.QueryAsync().GetAwaiter().GetResult().Count == count, "ready");
    }

    private static Guid UuidOf(string guest) => new(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(guest)).AsSpan(0, 16));
}
