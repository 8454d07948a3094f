// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Epoch;
using Hikae.Sidecar.Output;
using Xunit;

namespace Hikae.Sidecar.Tests.Output;

public sealed class PacketQueueTests : IDisposable
{
    private const int Limit = 1024 * 1024;

    private readonly PacketQueue _queue = new(Limit);

    [Fact]
    public void Packets_pass_until_they_are_held()
    {
        _queue.Add(Packets.Range(1, 3));

        Assert.False(_queue.IsWaiting);
        Assert.Equal([1, 2, 3], TakeReady());
    }

    [Fact]
    public void A_packet_leaves_only_when_its_epoch_is_released()
    {
        _queue.Hold();
        _queue.Add(Packets.Range(1, 2));
        Assert.True(_queue.IsWaiting);
        _queue.Seal(new EpochId(1));
        Assert.False(_queue.IsWaiting);
        _queue.Add(Packets.Range(3, 2));
        _queue.Seal(new EpochId(2));
        _queue.Add(Packets.Range(5, 1));
        Assert.Empty(TakeReady());

        _queue.ReleaseThrough(new EpochId(1));
        Assert.Equal([1, 2], TakeReady());
        _queue.ReleaseThrough(new EpochId(2));
        Assert.Equal([3, 4], TakeReady());

        Assert.Empty(TakeReady());
        Assert.True(_queue.IsWaiting);
    }

    [Fact]
    public void Lines_of_an_earlier_session_do_not_stop_the_next_ones_packets()
    {
        _queue.Hold();
        _queue.Add(Packets.Range(1, 1));
        _queue.Seal(new EpochId(500));

        _queue.Hold();
        Assert.Equal([1], TakeReady());
        _queue.Add(Packets.Range(2, 1));
        _queue.Seal(new EpochId(2));
        _queue.ReleaseThrough(new EpochId(2));

        Assert.Equal([2], TakeReady());
    }

    [Fact]
    public void An_epoch_without_packets_releases_none_of_the_next()
    {
        _queue.Hold();
        _queue.Seal(new EpochId(1));
        _queue.Add(Packets.Range(1, 1));
        _queue.Seal(new EpochId(2));

        _queue.ReleaseThrough(new EpochId(1));

        Assert.Empty(TakeReady());
    }

    [Fact]
    public void What_passed_before_the_line_still_leaves_after_it()
    {
        _queue.Add(Packets.Range(1, 2));
        _queue.Hold();
        _queue.Add(Packets.Range(3, 1));

        Assert.Equal([1, 2], TakeReady());
    }

    [Fact]
    public void Any_cut_of_the_stream_gives_the_same_packets()
    {
        byte[] bytes = Packets.Range(1, 3, 20);
        for (int cut = 0; cut <= bytes.Length; cut++)
        {
            using var queue = new PacketQueue(Limit);
            queue.Hold();
            queue.Add(bytes.AsSpan(0, cut));
            queue.Add(bytes.AsSpan(cut));
            queue.Seal(new EpochId(1));
            queue.ReleaseThrough(new EpochId(1));

            Assert.Equal([1, 2, 3], TakeReady(queue));
            Assert.Equal(3, queue.Packets);
        }
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(10)]
    public void Half_a_packet_when_the_guest_stands_still_is_refused(int bytes)
    {
        _queue.Hold();
        _queue.Add(Packets.Framed(1).AsSpan(0, bytes));

        Assert.Throws<InvalidDataException>(() => _queue.Seal(new EpochId(1)));
        Assert.Throws<InvalidDataException>(_queue.Hold);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(PacketQueue.MaxPacketBytes + 1u)]
    [InlineData(uint.MaxValue)]
    public void A_packet_that_no_network_has_is_refused(uint length)
    {
        byte[] header = [(byte)(length >> 24), (byte)(length >> 16), (byte)(length >> 8), (byte)length];

        Assert.Throws<InvalidDataException>(() => _queue.Add(header));
    }

    [Fact]
    public void The_longest_packet_passes()
    {
        _queue.Add(Packets.Framed(1, PacketQueue.MaxPacketBytes));

        Assert.Equal([1], TakeReady());
    }

    [Fact]
    public void A_full_queue_keeps_what_came_first_and_counts_what_it_drops()
    {
        const int Each = 1000;
        int fitting = Limit / (Each + 4);
        _queue.Hold();

        _queue.Add(Packets.Range(1, fitting + 5, Each));
        Assert.Equal(5, _queue.Dropped);
        Assert.InRange(_queue.Bytes, 1, Limit);
        _queue.Seal(new EpochId(1));
        _queue.ReleaseThrough(new EpochId(1));
        Assert.Equal(Enumerable.Range(1, fitting), TakeReady());

        _queue.Add(Packets.Range(7000, 2, Each));
        _queue.PassThrough();
        Assert.Equal([7000, 7001], TakeReady());
        Assert.Equal(5, _queue.Dropped);
    }

    [Fact]
    public void Alone_everything_leaves_in_order_and_all_that_follows()
    {
        _queue.Hold();
        _queue.Add(Packets.Range(1, 2));
        _queue.Seal(new EpochId(1));
        _queue.Add(Packets.Range(3, 2));

        _queue.PassThrough();
        _queue.Add(Packets.Range(5, 1));

        Assert.Equal([1, 2, 3, 4, 5], TakeReady());
        Assert.False(_queue.IsWaiting);
    }

    [Fact]
    public void Fenced_nothing_leaves_any_more()
    {
        _queue.Hold();
        _queue.Add(Packets.Range(1, 2));
        _queue.Seal(new EpochId(1));
        _queue.Add(Packets.Framed(3).AsSpan(0, 30));

        _queue.DropAll();
        _queue.Add(Packets.Framed(3).AsSpan(30));
        _queue.Add(Packets.Range(4, 1));
        _queue.ReleaseThrough(new EpochId(1));

        Assert.Empty(TakeReady());
        Assert.Equal(0, _queue.Bytes);
    }

    public void Dispose() => _queue.Dispose();

    private IReadOnlyList<int> TakeReady() => TakeReady(_queue);

    private static IReadOnlyList<int> TakeReady(PacketQueue queue)
    {
        var bytes = new List<byte>();
        while (!queue.Ready.IsEmpty)
        {
            bytes.AddRange(queue.Ready);
            queue.Leave(queue.Ready.Length);
        }
        (IReadOnlyList<int> numbers, int read) = Packets.Read(bytes.ToArray());
        Assert.Equal(bytes.Count, read);
        return numbers;
    }
}
