// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Xunit;

namespace Hikae.Protocol.Tests.Replication;

public sealed class PreambleTests
{
    [Fact]
    public void The_guest_comes_back_as_it_was_written()
    {
        Assert.True(Preamble.TryRead(SampleRecords.WritePreamble(), out Guid guest, out string? reason));

        Assert.Equal(SampleRecords.GuestUuid, guest);
        Assert.Null(reason);
    }

    [Fact]
    public void The_bytes_on_the_wire_are_those_of_the_document() =>
        Assert.Equal("48494b414500" + "0001" + "0d3b6d4e5f0a4c419a530f5c1ab1c0de", Convert.ToHexStringLower(SampleRecords.WritePreamble()));

    [Fact]
    public void A_preamble_of_any_other_length_is_not_one()
    {
        byte[] longer = [.. SampleRecords.WritePreamble(), 0];

        Assert.All(
            Enumerable.Range(0, longer.Length + 1).Except([Preamble.Bytes]),
            length => Assert.False(Preamble.TryRead(longer.AsSpan(0, length), out _, out _)));
    }

    [Fact]
    public void Another_magic_is_not_a_preamble()
    {
        Assert.All(Enumerable.Range(0, 6 * 8), bit =>
        {
            byte[] flipped = SampleRecords.WritePreamble();
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(Preamble.TryRead(flipped, out Guid guest, out string? reason));
            Assert.Equal("not a Hikae connection", reason);
            Assert.Equal(Guid.Empty, guest);
        });
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Another_version_is_refused_by_its_number(byte version)
    {
        byte[] bytes = SampleRecords.WritePreamble();

        bytes[7] = version;

        Assert.False(Preamble.TryRead(bytes, out _, out string? reason));
        Assert.Equal($"preamble version {version}, this host speaks 1", reason);
    }
}
