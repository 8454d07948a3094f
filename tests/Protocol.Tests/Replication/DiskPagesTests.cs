// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using Hikae.Protocol.Replication;
using Xunit;

namespace Hikae.Protocol.Tests.Replication;

public sealed class DiskPagesTests
{
    private const uint MaxPages = (uint)(ReplicationLimits.MaxGuestBytes / ReplicationLimits.PageBytes);
    private const long MaxBlocks = ReplicationLimits.MaxDiskBytes / ReplicationLimits.PageBytes;

    [Fact]
    public void Runs_and_checks_come_back_as_they_were_written()
    {
        DiskRun[] runs = [new(0, 1, 0), new(5, 1000, 1L << 40), new(MaxPages - 1, 1, MaxBlocks - 1), new(0, 3, 7)];

        byte[] payload = SampleRecords.WriteDiskPages(1023, 63, runs);

        Assert.Equal(4, DiskPages.ReadHead(payload, out int block, out int disk, out int pages));
        Assert.Equal((1023, 63, 1005), (block, disk, pages));
        Assert.Equal(runs, SampleRecords.ReadDiskPages(payload));
        ulong[] checks = new ulong[pages];
        DiskPages.ReadChecks(payload, checks);
        Assert.Equal(Enumerable.Range(0, pages).Select(SampleRecords.CheckOf), checks);
    }

    [Fact]
    public void The_bytes_on_the_wire_are_those_of_the_document()
    {
        byte[] payload = SampleRecords.WriteDiskPages(0x0102, 0x03, [new DiskRun(0x0A0B0C0D, 0x00000002, 0x0001020304050607)]);

        Assert.Equal(
            "0102" + "0003" + "00000001" + "0a0b0c0d" + "00000002" + "0001020304050607" + "0102030405060708" + "0102030405060709", Convert.ToHexStringLower(payload));
    }

    [Fact]
    public void A_payload_that_is_not_whole_runs_with_their_checks_is_refused()
    {
        byte[] payload = SampleRecords.WriteDiskPages(0, 0, [new DiskRun(0, 1, 2), new DiskRun(8, 2, 3)]);

        Assert.All(Enumerable.Range(0, payload.Length), length => Assert.Throws<ReplicationProtocolException>(() => SampleRecords.ReadDiskPages(payload[..length])));
        Assert.Throws<ReplicationProtocolException>(() => SampleRecords.ReadDiskPages([.. payload, .. new byte[8]]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(-1)]
    [InlineData(int.MaxValue)]
    [InlineData(int.MinValue)]
    public void Another_number_of_runs_than_there_are_is_refused(int runs)
    {
        byte[] payload = SampleRecords.WriteDiskPages(0, 0, [new DiskRun(0, 1, 2)]);
        BinaryPrimitives.WriteInt32BigEndian(payload.AsSpan(4), runs);

        Assert.Throws<ReplicationProtocolException>(() => SampleRecords.ReadDiskPages(payload));
    }

    [Fact]
    public void A_full_record_is_read_and_one_page_more_is_refused()
    {
        DiskRun[] full = [.. Enumerable.Repeat(new DiskRun(1, 1, 1), ReplicationLimits.MaxDiskPagesPerRecord)];
        byte[] payload = SampleRecords.WriteDiskPages(0, 0, full);
        Assert.Equal(ReplicationLimits.MaxDiskPagesPerRecord, DiskPages.ReadHead(payload, out _, out _, out _));
        Assert.Equal(ReplicationLimits.MaxPayloadBytesOf(RecordType.DiskPages), payload.Length);

        DiskRun[] more = [new DiskRun(1, ReplicationLimits.MaxDiskPagesPerRecord + 1, 1)];
        byte[] longer = new byte[DiskPages.SizeBytes(1, ReplicationLimits.MaxDiskPagesPerRecord + 1)];
        SampleRecords.WriteDiskPages(0, 0, [new DiskRun(1, 1, 1)]).AsSpan(0, DiskPages.SizeBytes(1, 0)).CopyTo(longer);
        BinaryPrimitives.WriteInt32BigEndian(longer.AsSpan(12), ReplicationLimits.MaxDiskPagesPerRecord + 1);

        Assert.Throws<ReplicationProtocolException>(() => SampleRecords.ReadDiskPages(longer));
        Assert.Throws<ArgumentOutOfRangeException>(() => SampleRecords.WriteDiskPages(0, 0, more));
    }

    [Fact]
    public void A_writer_refuses_another_number_of_checks_than_of_pages() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => DiskPages.Write(new byte[100], 0, 0, [new DiskRun(0, 2, 0)], [1]));

    [Theory]
    [InlineData(0u, 0u, 0L)]
    [InlineData(0u, MaxPages + 1, 0L)]
    [InlineData(1u, MaxPages, 0L)]
    [InlineData(uint.MaxValue, 1u, 0L)]
    [InlineData(1u, uint.MaxValue, 0L)]
    [InlineData(0u, 1u, -1L)]
    [InlineData(0u, 1u, long.MinValue)]
    [InlineData(0u, 1u, long.MaxValue)]
    [InlineData(0u, 1u, MaxBlocks)]
    [InlineData(0u, 2u, MaxBlocks - 1)]
    public void A_run_that_is_empty_or_ends_above_the_largest_guest_or_disk_is_refused(uint firstPage, uint pageCount, long firstBlock)
    {
        byte[] payload = SampleRecords.WriteDiskPages(0, 0, [new DiskRun(0, 1, 0)]);

        BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan(8), firstPage);
        BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan(12), pageCount);
        BinaryPrimitives.WriteInt64BigEndian(payload.AsSpan(16), firstBlock);

        Assert.Throws<ReplicationProtocolException>(() => DiskPages.ReadRun(payload, 0));
    }

    [Fact]
    public void A_disk_that_no_list_can_hold_is_refused_by_both_sides()
    {
        byte[] payload = SampleRecords.WriteDiskPages(0, ReplicationLimits.MaxDisks - 1, [new DiskRun(0, 1, 0)]);
        payload[3]++;

        Assert.Throws<ReplicationProtocolException>(() => DiskPages.ReadHead(payload, out _, out _, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => SampleRecords.WriteDiskPages(0, ReplicationLimits.MaxDisks, [new DiskRun(0, 1, 0)]));
        Assert.Throws<ArgumentOutOfRangeException>(() => SampleRecords.WriteDiskPages(ReplicationLimits.MaxBlocks, 0, [new DiskRun(0, 1, 0)]));
        Assert.Throws<ArgumentOutOfRangeException>(() => SampleRecords.WriteDiskPages(0, 0, []));
    }
}
