// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.IO.Hashing;
using Hikae.Protocol.Replication;
using Xunit;

namespace Hikae.Protocol.Tests.Replication;

public sealed class RecordHeaderTests
{
    public static TheoryData<RecordType> KnownTypes => [.. Enum.GetValues<RecordType>().Where(type => type != RecordType.Invalid)];

    [Theory]
    [MemberData(nameof(KnownTypes))]
    public void A_header_says_what_was_written(RecordType type)
    {
        byte[] payload = [1, 2, 3];

        RecordHeader header = SampleRecords.ReadRecord(SampleRecords.WriteRecord(type, 0xFEDC_BA98_7654_3210, payload));

        Assert.Equal(type, header.Type);
        Assert.Equal(3, header.PayloadBytes);
        Assert.Equal(0xFEDC_BA98_7654_3210, header.Epoch);
        Assert.False(header.IsOptional);
        Assert.True(header.IsKnown);
    }

    [Fact]
    public void Types_are_numbered_without_gaps() =>
        Assert.Equal(Enumerable.Range(0, Enum.GetValues<RecordType>().Length), Enum.GetValues<RecordType>().Select(type => (int)type));

    [Fact]
    public void The_bytes_on_the_wire_are_those_of_the_document()
    {
        byte[] payload = "payload"u8.ToArray();
        byte[] record = SampleRecords.WriteRecord(RecordType.HardPages, 0x0102_0304_0506_0708, payload);

        Assert.Equal("00000007" + "00000007" + "0102030405060708", Convert.ToHexStringLower(record[..16]));
        ulong seed = XxHash3.HashToUInt64(record.AsSpan(0, 16));
        Assert.Equal(XxHash3.HashToUInt64(payload, unchecked((long)seed)), BinaryPrimitives.ReadUInt64BigEndian(record.AsSpan(16)));
        Assert.Equal(payload, record[24..]);
    }

    [Fact]
    public void A_record_cut_at_any_byte_is_refused()
    {
        byte[] record = SampleRecords.WriteRecord(RecordType.BlockList, 9, BlockList.Write(SampleRecords.Blocks));

        Assert.All(
            Enumerable.Range(0, record.Length),
            length => Assert.Throws<ReplicationProtocolException>(() => SampleRecords.ReadRecord(record[..length])));
    }

    [Fact]
    public void Any_flipped_bit_of_header_or_payload_is_found()
    {
        byte[] record = SampleRecords.WriteRecord(RecordType.BlockList, 9, BlockList.Write(SampleRecords.Blocks));

        Assert.All(Enumerable.Range(0, record.Length * 8), bit =>
        {
            byte[] flipped = [.. record];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<ReplicationProtocolException>(() => SampleRecords.ReadRecord(flipped));
        });
    }

    [Fact]
    public void Any_flipped_bit_of_a_record_without_payload_is_found()
    {
        byte[] record = SampleRecords.WriteRecord(RecordType.Ack, 9, []);

        Assert.All(Enumerable.Range(0, record.Length * 8), bit =>
        {
            byte[] flipped = [.. record];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<ReplicationProtocolException>(() => SampleRecords.ReadRecord(flipped));
        });
    }

    [Fact]
    public void The_payload_of_another_epoch_is_found()
    {
        byte[] payload = SampleRecords.WriteTotals(new EpochTotals(1, 2, 3, 4));
        byte[] first = SampleRecords.WriteRecord(RecordType.EpochEnd, 1, payload);
        byte[] second = SampleRecords.WriteRecord(RecordType.EpochEnd, 2, SampleRecords.WriteTotals(new EpochTotals(1, 2, 3, 5)));

        byte[] mixed = [.. first[..RecordHeader.Bytes], .. second[RecordHeader.Bytes..]];

        Assert.Throws<ReplicationProtocolException>(() => SampleRecords.ReadRecord(mixed));
    }

    [Theory]
    [MemberData(nameof(KnownTypes))]
    public void A_length_at_the_limit_is_read_and_one_more_is_refused(RecordType type)
    {
        int limit = ReplicationLimits.MaxPayloadBytesOf(type);

        Assert.Equal(limit, RecordHeader.Parse(WriteFields((uint)type, (uint)limit)).PayloadBytes);
        Assert.Throws<ReplicationProtocolException>(() => RecordHeader.Parse(WriteFields((uint)type, (uint)limit + 1)));
        Assert.Throws<ReplicationProtocolException>(() => RecordHeader.Parse(WriteFields((uint)type, uint.MaxValue)));
    }

    [Theory]
    [MemberData(nameof(KnownTypes))]
    public void A_writer_refuses_the_payload_that_a_reader_would(RecordType type)
    {
        int limit = ReplicationLimits.MaxPayloadBytesOf(type);

        SampleRecords.WriteRecord(type, 1, new byte[limit]);
        Assert.Throws<ArgumentOutOfRangeException>(() => SampleRecords.WriteRecord(type, 1, new byte[limit + 1]));
    }

    [Fact]
    public void No_limit_of_a_type_is_above_the_limit_of_all() =>
        Assert.All(Enum.GetValues<RecordType>(), type =>
            Assert.InRange(ReplicationLimits.MaxPayloadBytesOf(type), 1, ReplicationLimits.MaxPayloadBytes));

    [Theory]
    [InlineData(0x0000_0000u)]
    [InlineData(0x8000_0000u)]
    public void Zeroed_memory_is_not_a_record(uint type) =>
        Assert.Throws<ReplicationProtocolException>(() => RecordHeader.Parse(WriteFields(type, 0)));

    [Theory]
    [InlineData(1000u)]
    [InlineData(0x0100_0001u)]
    [InlineData(0x7FFF_FFFFu)]
    public void An_unknown_record_is_refused_unless_it_is_optional(uint type)
    {
        RecordHeader optional = RecordHeader.Parse(WriteFields(type | 0x8000_0000, ReplicationLimits.MaxPayloadBytes));

        Assert.False(optional.IsKnown);
        Assert.True(optional.IsOptional);
        Assert.Equal(ReplicationLimits.MaxPayloadBytes, optional.PayloadBytes);
        Assert.Throws<ReplicationProtocolException>(() => RecordHeader.Parse(WriteFields(type | 0x8000_0000, ReplicationLimits.MaxPayloadBytes + 1)));
        Assert.Throws<ReplicationProtocolException>(() => RecordHeader.Parse(WriteFields(type, 0)));
    }

    [Fact]
    public void A_known_record_keeps_its_meaning_when_it_is_optional()
    {
        RecordHeader header = SampleRecords.ReadRecord(SampleRecords.WriteRecord(RecordType.Heartbeat, 5, [], isOptional: true));

        Assert.Equal(RecordType.Heartbeat, header.Type);
        Assert.True(header.IsOptional);
        Assert.True(header.IsKnown);
    }

    [Fact]
    public void Writing_parsing_and_verifying_a_record_allocates_nothing()
    {
        byte[] header = new byte[RecordHeader.Bytes];
        byte[] payload = new byte[64 * 1024];
        PassRecords(1_000);

        long before = GC.GetAllocatedBytesForCurrentThread();
        PassRecords(1_000);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(0, allocated);

        void PassRecords(int count)
        {
            for (int i = 0; i < count; i++)
            {
                RecordHeader.Write(header, RecordType.DeviceState, (ulong)i, payload);
                RecordHeader.Parse(header).Verify(header, payload);
            }
        }
    }

    private static byte[] WriteFields(uint type, uint length)
    {
        byte[] header = new byte[RecordHeader.Bytes];
        BinaryPrimitives.WriteUInt32BigEndian(header, type);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(4), length);
        return header;
    }
}
