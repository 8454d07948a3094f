// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using Hikae.Protocol.Replication;
using Xunit;

namespace Hikae.Protocol.Tests.Replication;

public sealed class DeltaPagesTests
{
    [Fact]
    public void Pages_come_back_as_they_were_written()
    {
        byte[] payload = SampleRecords.WriteDeltaPages(9, [0, 1, ReplicationLimits.MaxDeltaBytes]);

        Assert.Equal(9, new DeltaPagesReader(payload).Block);
        List<(uint Page, ulong Check, byte[] Delta)> pages = SampleRecords.ReadDeltaPages(payload);
        Assert.Equal([0u, 1u, 2u], pages.Select(page => page.Page));
        Assert.Equal([SampleRecords.CheckOf(0), SampleRecords.CheckOf(1), SampleRecords.CheckOf(2)], pages.Select(page => page.Check));
        Assert.Equal([0, 1, ReplicationLimits.MaxDeltaBytes], pages.Select(page => page.Delta.Length));
        Assert.All(pages, page => Assert.All(page.Delta, value => Assert.Equal((byte)page.Page, value)));
    }

    [Fact]
    public void The_bytes_on_the_wire_are_those_of_the_document() =>
        Assert.Equal(
            "0123" + "0002" + "00000000" + "0002" + "0102030405060708" + "0000" + "00000001" + "0001" + "0102030405060709" + "01",
            Convert.ToHexStringLower(SampleRecords.WriteDeltaPages(0x0123, [2, 1])));

    [Fact]
    public void A_payload_cut_at_any_byte_or_too_long_is_refused()
    {
        byte[] payload = SampleRecords.WriteDeltaPages(0, [10, 0, 1000, 1]);

        Assert.All(
            Enumerable.Range(0, payload.Length),
            length => Assert.Throws<ReplicationProtocolException>(() => SampleRecords.ReadDeltaPages(payload[..length])));
        Assert.Throws<ReplicationProtocolException>(() => SampleRecords.ReadDeltaPages([.. payload, 0]));
    }

    [Fact]
    public void A_full_record_is_read_and_one_page_more_is_refused()
    {
        byte[] payload = SampleRecords.WriteDeltaPages(0, [.. Enumerable.Repeat(ReplicationLimits.MaxDeltaBytes, ReplicationLimits.MaxPagesPerRecord)]);
        Assert.Equal(ReplicationLimits.MaxPayloadBytesOf(RecordType.DeltaPages), payload.Length);
        Assert.Equal(ReplicationLimits.MaxPagesPerRecord, SampleRecords.ReadDeltaPages(payload).Count);

        BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(2), ReplicationLimits.MaxPagesPerRecord + 1);

        Assert.Throws<ReplicationProtocolException>(() => new DeltaPagesReader(payload).Block);
        Assert.Throws<ReplicationProtocolException>(() => new DeltaPagesReader([0, 0, 0, 0]).Block);
    }

    [Theory]
    [InlineData(ReplicationLimits.MaxDeltaBytes, true)]
    [InlineData(ReplicationLimits.MaxDeltaBytes + 1, false)]
    [InlineData(65535, false)]
    public void A_delta_above_the_limit_is_refused(int length, bool isTaken)
    {
        byte[] payload = [0, 0, 0, 1, 0, 0, 0, 0, (byte)(length >> 8), (byte)length, .. new byte[8], .. new byte[length]];

        Exception? refusal = Record.Exception(() => SampleRecords.ReadDeltaPages(payload));

        Assert.Equal(isTaken ? null : typeof(ReplicationProtocolException), refusal?.GetType());
    }

    [Fact]
    public void A_writer_refuses_what_a_reader_would()
    {
        var writer = new DeltaPagesWriter();
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Take(0).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Commit(0, 0, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Commit(0, 0, ReplicationLimits.MaxDeltaBytes + 1));
        writer.Commit(0, 0, 0);
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Take(ReplicationLimits.MaxBlocks).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Take(-1).Length);
        while (!writer.IsFull)
        {
            writer.Commit(0, 0, 0);
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Commit(0, 0, 0));
    }

    [Fact]
    public void A_writer_begins_anew_after_each_record_and_allocates_nothing()
    {
        var writer = new DeltaPagesWriter();
        Pass(20);

        long before = GC.GetAllocatedBytesForCurrentThread();
        long pages = Pass(50);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(50 * ReplicationLimits.MaxPagesPerRecord, pages);

        long Pass(int records)
        {
            long count = 0;
            for (int i = 0; i < records; i++)
            {
                while (!writer.IsFull)
                {
                    writer.NextDelta[..20].Fill(1);
                    writer.Commit((uint)writer.PageCount, 7, 20);
                }
                var reader = new DeltaPagesReader(writer.Take(3));
                while (reader.TryRead(out _, out _, out _))
                {
                    count++;
                }
            }
            return count;
        }
    }
}
