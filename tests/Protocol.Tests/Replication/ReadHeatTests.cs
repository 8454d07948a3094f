// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Xunit;

namespace Hikae.Protocol.Tests.Replication;

public sealed class ReadHeatTests
{
    [Fact]
    public void It_comes_back_as_it_was_sent_and_lies_as_documented()
    {
        byte[] payload = SampleRecords.WriteReadHeat(0x0123, 0x00010203, [9, 0, 255]);

        ReadHeat read = ReadHeat.Read(payload);

        Assert.Equal((0x0123, 0x00010203), (read.Block, read.FirstChunk));
        Assert.Equal([9, 0, 255], read.Chunks.ToArray());
        Assert.Equal("0123" + "0000" + "00010203" + "0900ff", Convert.ToHexStringLower(payload));
    }

    [Fact]
    public void The_largest_record_is_within_its_limit_and_the_next_one_is_not()
    {
        byte[] payload = SampleRecords.WriteReadHeat(0, 0, new byte[ReplicationLimits.MaxChunksPerRecord]);

        Assert.Equal(ReplicationLimits.MaxPayloadBytesOf(RecordType.ReadHeat), payload.Length);
        Assert.Equal(ReplicationLimits.MaxChunksPerRecord, ReadHeat.Read(payload).Chunks.Length);
        Assert.Throws<ReplicationProtocolException>(() => ReadHeat.Read([.. payload, 0]).Block);
        Assert.Throws<ReplicationProtocolException>(() => ReadHeat.Read(payload.AsSpan(0, 8)).Block);
    }

    [Fact]
    public void Chunks_above_the_largest_guest_are_refused()
    {
        const int end = (int)(ReplicationLimits.MaxGuestBytes / ReplicationLimits.PageBytes / ReplicationLimits.PagesPerChunk);

        Assert.Equal(end - 2, ReadHeat.Read(SampleRecords.WriteReadHeat(0, end - 2, [1, 2])).FirstChunk);
        Assert.Throws<ReplicationProtocolException>(() => ReadHeat.Read(SampleRecords.WriteReadHeat(0, end - 1, [1, 2])).Block);
        Assert.Throws<ReplicationProtocolException>(() => ReadHeat.Read([0, 0, 0, 0, 255, 255, 255, 255, 1]).Block);
    }
}
