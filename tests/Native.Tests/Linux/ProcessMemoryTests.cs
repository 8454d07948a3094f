// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness;
using Hikae.Native.Linux;
using Xunit;

namespace Hikae.Native.Tests.LinuxTests;

public sealed class ProcessMemoryTests(TargetProgram program) : IClassFixture<TargetProgram>
{
    private const int Pages = 64;

    [Theory]
    [InlineData(1)]
    [InlineData(1024)]
    [InlineData(1025)]
    [InlineData(3000)]
    public void Scattered_ranges_arrive_in_the_order_asked_for(int count)
    {
        Requires.Root();
        using var target = new Target(program, "ppoll", Pages * Target.PageBytes);
        ulong[] offsets = [.. Enumerable.Range(0, count).Select(i => (ulong)(i * 7919 % ((Pages * Target.PageBytes) - 16)))];
        MemoryRange[] ranges = [.. offsets.Select((offset, i) => new MemoryRange(target.Start + offset, (ulong)(i % 16) + 1))];
        byte[] expected = [.. offsets.SelectMany((offset, i) => Enumerable.Range(0, (i % 16) + 1).Select(j => Target.InitialByte(offset + (ulong)j)))];
        byte[] bytes = new byte[expected.Length];

        ProcessMemory.Read(target.Pid, ranges, bytes);

        Assert.Equal(expected, bytes);
    }

    [Fact]
    public void An_address_that_is_not_mapped_is_named()
    {
        Requires.Root();
        using var target = new Target(program, "ppoll", Pages * Target.PageBytes);
        MemoryRange[] ranges = [new(target.Start, 100), new(0x1000, 100), new(target.Start, 100)];

        LinuxException e = Assert.Throws<LinuxException>(() => ProcessMemory.Read(target.Pid, ranges, new byte[300]));

        Assert.Equal(Syscall.EFAULT, e.Errno);
        Assert.Contains("0x1000:", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(199)]
    [InlineData(201)]
    public void A_destination_of_another_length_than_the_ranges_is_refused(int lengthBytes)
    {
        MemoryRange[] ranges = [new(0x1000, 100), new(0x1000, 100)];

        Assert.Throws<ArgumentException>(() => ProcessMemory.Read(1, ranges, new byte[lengthBytes]));
    }

    [Fact]
    public void Lengths_that_overflow_are_refused()
    {
        MemoryRange[] ranges = [new(0x1000, ulong.MaxValue), new(0x1000, 101)];

        Assert.Throws<ArgumentException>(() => ProcessMemory.Read(1, ranges, new byte[100]));
    }
}
