// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using Hikae.Protocol.Replication;
using Xunit;

namespace Hikae.Protocol.Tests.Replication;

public sealed class BlockListTests
{
    [Fact]
    public void Blocks_come_back_in_order_as_they_were_written() =>
        Assert.Equal(SampleRecords.Blocks, BlockList.Read(BlockList.Write(SampleRecords.Blocks)));

    [Fact]
    public void The_bytes_on_the_wire_are_those_of_the_document() =>
        Assert.Equal(
            "0001" + "00200000" + "0000000000400000" + "04" + "68756765",
            Convert.ToHexStringLower(BlockList.Write([new RamBlockInfo("huge", 4L << 20, 2 << 20)])));

    [Fact]
    public void A_list_cut_at_any_byte_is_refused()
    {
        byte[] payload = BlockList.Write(SampleRecords.Blocks);

        Assert.All(
            Enumerable.Range(0, payload.Length),
            length => Assert.Throws<ReplicationProtocolException>(() => BlockList.Read(payload.AsSpan(0, length))));
    }

    [Fact]
    public void Bytes_after_the_last_block_are_refused() =>
        Assert.Throws<ReplicationProtocolException>(() => BlockList.Read([.. BlockList.Write(SampleRecords.Blocks), 0]));

    [Fact]
    public void The_longest_list_is_read_and_one_block_more_is_refused()
    {
        RamBlockInfo[] blocks = [.. Enumerable.Range(0, ReplicationLimits.MaxBlocks).Select(i => new RamBlockInfo($"{i:d255}", 4096, 4096))];
        byte[] payload = BlockList.Write(blocks);
        Assert.Equal(BlockList.MaxBytes, payload.Length);
        Assert.Equal(blocks, BlockList.Read(payload));

        BinaryPrimitives.WriteUInt16BigEndian(payload, ReplicationLimits.MaxBlocks + 1);

        Assert.Throws<ReplicationProtocolException>(() => BlockList.Read(payload));
        Assert.Throws<ArgumentOutOfRangeException>(() => BlockList.Write([.. blocks, new RamBlockInfo("one more", 4096, 4096)]));
    }

    [Fact]
    public void An_empty_list_is_refused()
    {
        Assert.Throws<ReplicationProtocolException>(() => BlockList.Read([0, 0]));
        Assert.Throws<ArgumentOutOfRangeException>(() => BlockList.Write([]));
    }

    [Fact]
    public void A_name_that_comes_twice_is_refused() =>
        Assert.Throws<ReplicationProtocolException>(() => BlockList.Read(BlockList.Write([new("pc.ram", 4096, 4096), new("pc.ram", 8192, 4096)])));

    [Fact]
    public void A_name_of_255_bytes_is_written_and_one_of_0_or_256_refused()
    {
        Assert.Equal(255, BlockList.Read(BlockList.Write([new(new string('n', 255), 4096, 4096)]))[0].Name.Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => BlockList.Write([new(new string('n', 256), 4096, 4096)]));
        Assert.Throws<ArgumentOutOfRangeException>(() => BlockList.Write([new(new string('é', 128), 4096, 4096)]));
        Assert.Throws<ArgumentOutOfRangeException>(() => BlockList.Write([new("", 4096, 4096)]));
    }

    [Fact]
    public void A_name_that_is_empty_or_not_UTF8_is_refused()
    {
        byte[] head = [0, 1, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x10, 0];

        Assert.Equal("n", BlockList.Read([.. head, 1, (byte)'n'])[0].Name);
        Assert.Throws<ReplicationProtocolException>(() => BlockList.Read([.. head, 0]));
        Assert.Throws<ReplicationProtocolException>(() => BlockList.Read([.. head, 1, 0xFF]));
    }

    [Theory]
    [InlineData(0L)]
    [InlineData(1L)]
    [InlineData(4095L)]
    [InlineData(4097L)]
    [InlineData(-4096L)]
    [InlineData(long.MinValue)]
    [InlineData(ReplicationLimits.MaxGuestBytes + 4096)]
    public void A_block_that_is_not_whole_pages_within_the_limit_is_refused(long usedBytes) =>
        Assert.Throws<ReplicationProtocolException>(() => BlockList.Read(BlockList.Write([new("pc.ram", usedBytes, 4096)])));

    [Fact]
    public void The_largest_guest_is_read_and_one_page_more_is_refused()
    {
        RamBlockInfo[] largest = [new("low", 4096, 4096), new("high", ReplicationLimits.MaxGuestBytes - 4096, 4096)];
        Assert.Equal(largest, BlockList.Read(BlockList.Write(largest)));

        Assert.Throws<ReplicationProtocolException>(() => BlockList.Read(BlockList.Write([.. largest, new("rom", 4096, 4096)])));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2048)]
    [InlineData(4097)]
    [InlineData(12288)]
    [InlineData(int.MinValue)]
    public void A_host_page_size_that_is_no_power_of_two_from_4096_is_refused(int pageSizeBytes) =>
        Assert.Throws<ReplicationProtocolException>(() => BlockList.Read(BlockList.Write([new("pc.ram", 4096, pageSizeBytes)])));

    [Fact]
    public void A_claim_of_many_blocks_takes_no_memory_beyond_the_limit()
    {
        byte[] claim = [0x04, 0x00];
        Assert.Throws<ReplicationProtocolException>(() => BlockList.Read(claim));

        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<ReplicationProtocolException>(() => BlockList.Read(claim));
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.InRange(allocated, 0, 64 * 1024);
    }
}
