// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness;
using Hikae.Native.Linux;
using Xunit;

namespace Hikae.Native.Tests.LinuxTests;

/// <summary>Gates on a real tap device. What was dropped is known by what is answered next: a tap keeps the order.</summary>
public sealed class PacketGateTests : IDisposable
{
    private static readonly BootTimeProvider Clock = new();

    private readonly TapProgram _tap;

    public PacketGateTests()
    {
        Requires.Root();
        Requires.Kernel(6, 6);
        Requires.Command("gcc");
        Requires.Command("ip");
        _tap = new TapProgram();
    }

    public void Dispose() => _tap.Dispose();

    [Fact]
    public void Packets_pass_until_the_time_and_are_dropped_after_it()
    {
        using var gate = new PacketGate();
        Attach(gate);
        _tap.Ask(1);
        Assert.Equal(1, _tap.Answered());

        gate.OpenUntil(Clock.GetTimestamp() + TimeSpan.FromHours(1).Ticks * 100);
        _tap.Ask(2);
        Assert.Equal(2, _tap.Answered());

        gate.OpenUntil(Clock.GetTimestamp());
        _tap.Ask(3);
        gate.Open();
        _tap.Ask(4);
        Assert.Equal(4, _tap.Answered());
    }

    [Fact]
    public void It_outlives_whoever_set_it_and_is_taken_away_by_its_number()
    {
        uint program;
        using (var gate = new PacketGate())
        {
            Attach(gate);
            gate.OpenUntil(0);
            program = gate.ProgramId;
        }
        _tap.Ask(1);

        Assert.True(Detach(program));
        _tap.Ask(2);

        Assert.Equal(2, _tap.Answered());
        Assert.False(Detach(program));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Others_on_the_same_interface_stay(int which)
    {
        PacketGate[] gates = [new(), new(), new()];
        Array.ForEach(gates, Attach);
        PacketGate shut = gates[which];
        shut.OpenUntil(0);
        _tap.Ask(1);

        Assert.True(Detach(shut.ProgramId));
        _tap.Ask(2);

        Assert.Equal(2, _tap.Answered());
        Assert.All(gates.Where(gate => gate != shut), gate => Assert.True(Detach(gate.ProgramId)));
        Array.ForEach(gates, gate => gate.Dispose());
    }

    [Fact]
    public void An_interface_that_is_gone_has_no_gate()
    {
        using var gate = new PacketGate();

        Assert.False(_tap.Do(() => PacketGate.Detach(_tap.Index + 1000, gate.ProgramId)));
        Assert.Equal(0, PacketGate.FindTap("lo"));
        Assert.Equal(0, PacketGate.FindTap("52:54:00:77:01:01"));
    }

    private void Attach(PacketGate gate) => _tap.Do(() =>
    {
        gate.Attach(_tap.Index);
        return true;
    });

    private bool Detach(uint program) => _tap.Do(() => PacketGate.Detach(_tap.Index, program));
}
