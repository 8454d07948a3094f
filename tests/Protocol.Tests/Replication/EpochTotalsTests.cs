// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Xunit;

namespace Hikae.Protocol.Tests.Replication;

public sealed class EpochTotalsTests
{
    [Fact]
    public void Totals_come_back_as_they_were_written()
    {
        var totals = new EpochTotals(uint.MaxValue, ulong.MaxValue, 3, ulong.MaxValue - 1);

        Assert.Equal(totals, EpochTotals.Read(SampleRecords.WriteTotals(totals)));
    }

    [Fact]
    public void The_bytes_on_the_wire_are_those_of_the_document() =>
        Assert.Equal(
            "00000001" + "0000000000000002" + "0000000000000003" + "0000000000000004",
            Convert.ToHexStringLower(SampleRecords.WriteTotals(new EpochTotals(1, 2, 3, 4))));

    [Fact]
    public void Totals_of_any_other_length_are_refused() =>
        Assert.All(
            Enumerable.Range(0, 64).Except([EpochTotals.Bytes]),
            length => Assert.Throws<ReplicationProtocolException>(() => EpochTotals.Read(new byte[length])));
}
