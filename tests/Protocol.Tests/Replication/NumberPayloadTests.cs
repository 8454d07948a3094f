// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Xunit;

namespace Hikae.Protocol.Tests.Replication;

public class NumberPayloadTests
{
    [Fact]
    public void A_number_is_eight_bytes_the_largest_first()
    {
        byte[] payload = NumberPayload.Write(0x0102030405060708);

        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], payload);
        Assert.True(NumberPayload.TryRead(payload, out long number));
        Assert.Equal(0x0102030405060708, number);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(9)]
    public void Anything_shorter_or_longer_is_none(int bytes) => Assert.False(NumberPayload.TryRead(new byte[bytes], out _));
}
