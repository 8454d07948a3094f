// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using Hikae.Protocol.Replication;
using Xunit;

namespace Hikae.Protocol.Tests.Replication;

public sealed class SoftPagesTests
{
    private const uint MaxPages = (uint)(ReplicationLimits.MaxGuestBytes / ReplicationLimits.PageBytes);

    [Theory]
    [InlineData(SoftClass.Zero)]
    [InlineData(SoftClass.Free)]
    public void Runs_come_back_as_they_were_written(SoftClass written)
    {
        SoftRun[] runs = [new(0, 1), new(5, 1000), new(MaxPages - 1, 1), new(0, MaxPages)];

        byte[] payload = SampleRecords.WriteSoftPages(1023, written, runs);

        Assert.Equal(4, SoftPages.ReadHead(payload, out int block, out SoftClass read));
        Assert.Equal(1023, block);
        Assert.Equal(written, read);
        Assert.Equal(runs, SampleRecords.ReadSoftPages(payload));
    }

    [Fact]
    public void The_bytes_on_the_wire_are_those_of_the_document()
    {
        byte[] payload = SampleRecords.WriteSoftPages(0x0102, SoftClass.Free, [new SoftRun(0x0A0B0C0D, 0x00000E0F)]);

        Assert.Equal("0102" + "02" + "00" + "0a0b0c0d" + "00000e0f", Convert.ToHexStringLower(payload));
    }

    [Fact]
    public void A_payload_that_is_not_whole_runs_is_refused()
    {
        byte[] payload = SampleRecords.WriteSoftPages(0, SoftClass.Zero, [new SoftRun(0, 1), new SoftRun(8, 1)]);

        Assert.All(
            Enumerable.Range(0, payload.Length).Except([SoftPages.SizeBytes(1)]),
            length => Assert.Throws<ReplicationProtocolException>(() => SampleRecords.ReadSoftPages(payload[..length])));
    }

    [Fact]
    public void A_full_record_is_read_and_one_run_more_is_refused()
    {
        SoftRun[] full = [.. Enumerable.Repeat(new SoftRun(1, 1), ReplicationLimits.MaxRunsPerRecord)];
        byte[] payload = SampleRecords.WriteSoftPages(0, SoftClass.Zero, full);
        Assert.Equal(ReplicationLimits.MaxRunsPerRecord, SoftPages.ReadHead(payload, out _, out _));
        Assert.Equal(ReplicationLimits.MaxPayloadBytesOf(RecordType.SoftPages), payload.Length);

        byte[] longer = [.. payload, .. new byte[8]];

        Assert.Throws<ReplicationProtocolException>(() => SoftPages.ReadHead(longer, out _, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => SampleRecords.WriteSoftPages(0, SoftClass.Zero, [.. full, new SoftRun(1, 1)]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(255)]
    public void An_unknown_class_is_refused(byte softClass)
    {
        byte[] payload = SampleRecords.WriteSoftPages(0, SoftClass.Zero, [new SoftRun(0, 1)]);

        payload[2] = softClass;

        Assert.Throws<ReplicationProtocolException>(() => SoftPages.ReadHead(payload, out _, out _));
    }

    [Fact]
    public void The_reserved_byte_is_written_as_zero_and_not_read()
    {
        byte[] payload = [.. Enumerable.Repeat((byte)0xFF, SoftPages.SizeBytes(1))];
        SoftPages.Write(payload, 0, SoftClass.Zero, [new SoftRun(0, 1)]);
        Assert.Equal(0, payload[3]);

        payload[3] = 0xFF;

        Assert.Equal([new SoftRun(0, 1)], SampleRecords.ReadSoftPages(payload));
    }

    [Theory]
    [InlineData(0u, 0u)]
    [InlineData(0u, MaxPages + 1)]
    [InlineData(1u, MaxPages)]
    [InlineData(MaxPages, 1u)]
    [InlineData(uint.MaxValue, 1u)]
    [InlineData(1u, uint.MaxValue)]
    public void A_run_that_is_empty_or_ends_above_the_largest_guest_is_refused(uint firstPage, uint pageCount)
    {
        byte[] payload = SampleRecords.WriteSoftPages(0, SoftClass.Zero, [new SoftRun(0, 1)]);

        BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan(4), firstPage);
        BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan(8), pageCount);

        Assert.Throws<ReplicationProtocolException>(() => SoftPages.ReadRun(payload, 0));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(ReplicationLimits.MaxBlocks)]
    public void A_writer_refuses_a_block_that_no_list_can_hold(int block) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => SampleRecords.WriteSoftPages(block, SoftClass.Zero, [new SoftRun(0, 1)]));

    [Fact]
    public void A_writer_refuses_a_record_without_runs() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => SampleRecords.WriteSoftPages(0, SoftClass.Zero, []));

    [Fact]
    public void Writing_and_reading_a_run_allocates_nothing()
    {
        SoftRun[] runs = [.. Enumerable.Range(0, 1000).Select(i => new SoftRun((uint)i * 2, 1))];
        byte[] buffer = new byte[SoftPages.SizeBytes(runs.Length)];
        PassRuns(100);

        long before = GC.GetAllocatedBytesForCurrentThread();
        long pages = PassRuns(100);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(100_000, pages);
        Assert.Equal(0, allocated);

        long PassRuns(int recordCount)
        {
            long count = 0;
            for (int i = 0; i < recordCount; i++)
            {
                SoftPages.Write(buffer, 0, SoftClass.Zero, runs);
                int runCount = SoftPages.ReadHead(buffer, out _, out _);
                for (int run = 0; run < runCount; run++)
                {
                    count += SoftPages.ReadRun(buffer, run).PageCount;
                }
            }
            return count;
        }
    }
}
