// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using Hikae.Protocol.Replication;
using Xunit;

namespace Hikae.Protocol.Tests.Replication;

public sealed class HardPagesTests
{
    [Fact]
    public void Pages_come_back_as_they_were_written()
    {
        byte[] payload = SampleRecords.WriteHardPages(9, [4096, 1, 2000]);

        Assert.Equal(9, new HardPagesReader(payload).Block);
        List<(uint Page, byte[] Stored)> pages = SampleRecords.ReadHardPages(payload);
        Assert.Equal([0u, 1u, 2u], pages.Select(page => page.Page));
        Assert.Equal([4096, 1, 2000], pages.Select(page => page.Stored.Length));
        Assert.All(pages, page => Assert.All(page.Stored, value => Assert.Equal((byte)page.Page, value)));
    }

    [Fact]
    public void The_bytes_on_the_wire_are_those_of_the_document()
    {
        byte[] payload = SampleRecords.WriteHardPages(0x0123, [2, 1]);

        Assert.Equal("0123" + "0002" + "00000000" + "0002" + "0000" + "00000001" + "0001" + "01", Convert.ToHexStringLower(payload));
    }

    [Fact]
    public void A_payload_cut_at_any_byte_is_refused()
    {
        byte[] payload = SampleRecords.WriteHardPages(0, [10, 4096, 1]);

        Assert.All(
            Enumerable.Range(0, payload.Length),
            length => Assert.Throws<ReplicationProtocolException>(() => SampleRecords.ReadHardPages(payload[..length])));
    }

    [Fact]
    public void Bytes_after_the_last_page_are_refused()
    {
        byte[] payload = [.. SampleRecords.WriteHardPages(0, [10]), 0];

        Assert.Throws<ReplicationProtocolException>(() => SampleRecords.ReadHardPages(payload));
    }

    [Fact]
    public void A_full_record_is_read_and_one_page_more_is_refused()
    {
        byte[] payload = SampleRecords.WriteHardPages(0, [.. Enumerable.Repeat(4096, ReplicationLimits.MaxPagesPerRecord)]);
        Assert.Equal(HardPagesWriter.MaxBytes, payload.Length);
        Assert.Equal(ReplicationLimits.MaxPagesPerRecord, SampleRecords.ReadHardPages(payload).Count);

        BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(2), ReplicationLimits.MaxPagesPerRecord + 1);

        Assert.Throws<ReplicationProtocolException>(() => new HardPagesReader(payload).Block);
    }

    [Fact]
    public void A_record_without_pages_is_refused()
    {
        byte[] payload = SampleRecords.WriteHardPages(0, []);

        Assert.Throws<ReplicationProtocolException>(() => new HardPagesReader(payload).Block);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4097)]
    [InlineData(65535)]
    public void A_stored_length_of_nothing_or_above_a_page_is_refused(int storedLength)
    {
        byte[] payload = [0, 0, 0, 1, 0, 0, 0, 0, (byte)(storedLength >> 8), (byte)storedLength, .. new byte[storedLength]];

        Assert.Throws<ReplicationProtocolException>(() => SampleRecords.ReadHardPages(payload));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(4097)]
    public void A_writer_refuses_a_stored_length_that_a_reader_would(int storedLength) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new HardPagesWriter(new byte[HardPagesWriter.MaxBytes], 0).Commit(0, storedLength));

    [Fact]
    public void A_full_writer_refuses_one_page_more()
    {
        int[] full = [.. Enumerable.Repeat(1, ReplicationLimits.MaxPagesPerRecord)];
        SampleRecords.WriteHardPages(0, full);

        Assert.Throws<ArgumentOutOfRangeException>(() => SampleRecords.WriteHardPages(0, [.. full, 1]));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(ReplicationLimits.MaxBlocks)]
    public void A_writer_refuses_a_block_that_no_list_can_hold(int block) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new HardPagesWriter(new byte[HardPagesWriter.MaxBytes], block).LengthBytes);

    [Fact]
    public void A_writer_refuses_a_buffer_that_could_overflow() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new HardPagesWriter(new byte[HardPagesWriter.MaxBytes - 1], 0).LengthBytes);

    [Fact]
    public void A_writer_takes_over_nothing_from_a_used_buffer()
    {
        byte[] buffer = new byte[HardPagesWriter.MaxBytes];
        buffer.AsSpan().Fill(0xFF);

        var writer = new HardPagesWriter(buffer, 1);

        Assert.True(writer.IsEmpty);
        Assert.Equal("00010000", Convert.ToHexStringLower(buffer[..writer.LengthBytes]));
    }

    [Fact]
    public void Writing_and_reading_a_page_allocates_nothing()
    {
        byte[] buffer = new byte[HardPagesWriter.MaxBytes];
        PassPages(50);

        long before = GC.GetAllocatedBytesForCurrentThread();
        long pages = PassPages(50);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(50 * ReplicationLimits.MaxPagesPerRecord, pages);
        Assert.Equal(0, allocated);

        long PassPages(int recordCount)
        {
            long count = 0;
            for (int i = 0; i < recordCount; i++)
            {
                var writer = new HardPagesWriter(buffer, 3);
                while (!writer.IsFull)
                {
                    writer.NextPage.Fill(1);
                    writer.Commit((uint)writer.PageCount, 4096);
                }
                var reader = new HardPagesReader(buffer.AsSpan(0, writer.LengthBytes));
                while (reader.TryRead(out _, out _))
                {
                    count++;
                }
            }
            return count;
        }
    }
}
