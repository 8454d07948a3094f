// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Host.Control;
using Hikae.Host.Room;
using Hikae.Protocol.Configuration;
using Hikae.Protocol.Control;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Hikae.Host.Tests.Room;

/// <summary>Which guests a backup takes while its budget for replicas is 100 MiB.</summary>
public sealed class ReplicaBudgetTests : IDisposable
{
    private const long MiB = 1 << 20;

    private readonly FakeTimeProvider _clock = new();
    private readonly SidecarRegistry _registry;
    private readonly ReplicaBudget _budget;
    private readonly Dictionary<int, long> _memory = [];
    private readonly List<Socket> _sockets = [];

    public ReplicaBudgetTests()
    {
        _registry = new SidecarRegistry(_clock);
        _budget = new ReplicaBudget(_registry, new BackupConfiguration { Budget = MemoryAmount.Percent(10) }, "hostC", _clock, new LogLines())
        {
            Measure = pid => _memory[pid],
            HostBytes = () => 1000 * MiB,
        };
    }

    [Fact]
    public void A_guest_is_taken_up_to_the_budget_and_refused_with_the_figures_beyond_it()
    {
        Add(70, GuestState.Ready);
        RegisteredSidecar asker = Add(30, GuestState.Receiving);
        Assert.True(Ask(asker).Ok);

        Grow(asker, 31);

        Assert.Equal(
            new Result(false, "the backup host hostC keeps 101 MiB of its budget of 100 MiB for replicas, so it takes no further guest"), Ask(asker));
    }

    [Fact]
    public void Of_two_that_do_not_fit_together_only_the_later_is_refused()
    {
        RegisteredSidecar first = Add(60, GuestState.Receiving);
        RegisteredSidecar second = Add(60, GuestState.Receiving);

        Assert.False(Ask(second).Ok);
        Assert.True(Ask(first).Ok);
    }

    [Fact]
    public void A_guest_that_was_protected_keeps_its_place_while_it_is_copied_anew()
    {
        RegisteredSidecar asker = Add(60, GuestState.Receiving);
        RegisteredSidecar later = Add(60, GuestState.Ready);
        _registry.Report(later, FakeSidecar.StatusOf(later.Key.Uuid, GuestRole.Backup, GuestState.Receiving));

        Assert.False(Ask(asker).Ok);
    }

    [Fact]
    public void A_sidecar_that_only_lost_its_connection_is_no_later_than_it_was()
    {
        RegisteredSidecar first = Add(60, GuestState.Receiving);
        RegisteredSidecar second = Add(60, GuestState.Receiving);
        var again = new RegisteredSidecar(first.Registration, Connection());
        _registry.TryAdd(again);

        Assert.True(Ask(again).Ok);
        Assert.False(Ask(second).Ok);
    }

    [Fact]
    public void What_a_refused_guest_takes_is_known_when_it_comes_again_and_forgotten_after_a_while()
    {
        Add(80, GuestState.Ready);
        RegisteredSidecar asker = Add(40, GuestState.Receiving);
        Assert.False(Ask(asker).Ok);
        Grow(asker, 5);

        Assert.Equal("the backup host hostC keeps 85 MiB of its budget of 100 MiB for replicas, and this guest takes more than 40 MiB", Ask(asker).Message);

        _clock.Advance(TimeSpan.FromMinutes(11));
        Assert.True(Ask(asker).Ok);
    }

    [Fact]
    public void A_refused_guest_stands_in_nobodys_way()
    {
        RegisteredSidecar refused = Add(200, GuestState.Receiving);
        Assert.False(Ask(refused).Ok);
        _registry.Report(refused, FakeSidecar.StatusOf(refused.Key.Uuid, GuestRole.Backup, GuestState.Failed));

        Assert.True(Ask(Add(90, GuestState.Receiving)).Ok);
    }

    [Fact]
    public void What_a_process_takes_for_itself_is_read_from_the_kernel()
    {
        long before = ProcessMemory.OwnBytes(Environment.ProcessId);
        byte[] more = GC.AllocateUninitializedArray<byte>((int)(64 * MiB), pinned: true);
        more.AsSpan().Fill(1);

        Assert.InRange(ProcessMemory.OwnBytes(Environment.ProcessId) - before, 32 * MiB, 256 * MiB);
        Assert.True(ProcessMemory.ResidentBytes(Environment.ProcessId) > ProcessMemory.OwnBytes(Environment.ProcessId));
        Assert.Equal(0, ProcessMemory.OwnBytes(int.MaxValue));
        GC.KeepAlive(more);
    }

    public void Dispose() => _sockets.ForEach(socket => socket.Dispose());

    private Result Ask(RegisteredSidecar sidecar) => _budget.Ask(sidecar.Key.Uuid);

    private void Grow(RegisteredSidecar sidecar, long mib) => _memory[sidecar.Registration.Pid] = mib * MiB;

    private RegisteredSidecar Add(long mib, GuestState state)
    {
        int pid = _memory.Count + 1;
        _memory[pid] = mib * MiB;
        var sidecar = new RegisteredSidecar(new Register(Guid.NewGuid(), $"guest{pid}", GuestRole.Backup, pid), Connection());
        Assert.True(_registry.TryAdd(sidecar));
        _registry.Report(sidecar, FakeSidecar.StatusOf(sidecar.Key.Uuid, GuestRole.Backup, state));
        return sidecar;
    }

    private ControlConnection Connection()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _sockets.Add(socket);
        return new ControlConnection(socket);
    }
}
