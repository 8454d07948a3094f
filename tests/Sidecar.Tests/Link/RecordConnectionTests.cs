// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Link;
using Xunit;

namespace Hikae.Sidecar.Tests.Link;

public sealed class RecordConnectionTests : IDisposable
{
    private readonly TcpPair _pair = new();
    private readonly RecordConnection _sender;
    private readonly RecordConnection _receiver;

    public RecordConnectionTests()
    {
        _sender = new RecordConnection(new NetworkStream(_pair.Primary), _pair.Primary);
        _receiver = new RecordConnection(new NetworkStream(_pair.Backup), _pair.Backup);
    }

    [Fact]
    public void Gathered_records_leave_together_and_in_order()
    {
        _sender.Gather(RecordType.DeviceState, 1, [1]);
        _sender.Gather(RecordType.DeviceState, 2, [2, 2]);
        Assert.Equal(0, _sender.BytesSent);

        _sender.Send(RecordType.Heartbeat, 3, []);

        Assert.Equal((3 * RecordHeader.Bytes) + 3, _sender.BytesSent);
        Assert.Equal((RecordType.DeviceState, 1UL, 1), ReceiveOne());
        Assert.Equal((RecordType.DeviceState, 2UL, 2), ReceiveOne());
        Assert.Equal((RecordType.Heartbeat, 3UL, 0), ReceiveOne());
    }

    [Fact]
    public async Task A_record_larger_than_the_gathering_buffer_follows_what_was_gathered()
    {
        byte[] large = new byte[ReplicationLimits.MaxPayloadBytes];
        new Random(17).NextBytes(large);
        _sender.Gather(RecordType.DeviceState, 1, [1]);
        Task sent = Task.Run(() => _sender.Send(RecordType.DeviceState, 2, large), TestContext.Current.CancellationToken);

        Assert.Equal((RecordType.DeviceState, 1UL, 1), ReceiveOne());
        RecordHeader header = _receiver.Receive(out ReadOnlySpan<byte> payload);

        Assert.Equal(2UL, header.Epoch);
        Assert.True(payload.SequenceEqual(large));
        await sent;
    }

    [Fact]
    public async Task Records_of_two_threads_do_not_mix()
    {
        Task[] senders = [.. Enumerable.Range(1, 2).Select(epoch => Task.Run(
            () =>
            {
                for (int i = 0; i < 500; i++)
                {
                    _sender.Send(RecordType.DeviceState, (ulong)epoch, Enumerable.Repeat((byte)epoch, 100 + i).ToArray());
                }
            },
            TestContext.Current.CancellationToken))];

        for (int i = 0; i < 1000; i++)
        {
            RecordHeader header = _receiver.Receive(out ReadOnlySpan<byte> payload);
            Assert.Equal(-1, payload.IndexOfAnyExcept((byte)header.Epoch));
        }
        await Task.WhenAll(senders);
    }

    [Fact]
    public void Silence_is_told_from_an_end()
    {
        _receiver.SilenceLimit = TimeSpan.FromMilliseconds(20);

        PeerLostException silence = Assert.Throws<PeerLostException>(() => ReceiveOne());

        Assert.True(silence.IsSilence);
        Assert.Contains("silent", silence.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_peer_that_closes_is_lost_and_was_not_silent()
    {
        _sender.Dispose();

        PeerLostException closed = Assert.Throws<PeerLostException>(() => ReceiveOne());

        Assert.False(closed.IsSilence);
        Assert.Contains("the peer closed the connection", closed.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(RecordHeader.Bytes)]
    [InlineData(RecordHeader.Bytes + 4)]
    public void A_cut_record_is_a_lost_peer(int bytes)
    {
        _pair.Primary.Send(Record(9, [1, 2, 3, 4, 5]).AsSpan(0, bytes));
        _pair.Primary.Shutdown(SocketShutdown.Send);

        Assert.Throws<PeerLostException>(() => ReceiveOne());
    }

    [Fact]
    public void A_flipped_bit_anywhere_is_a_lost_peer()
    {
        byte[] record = Record(9, [1, 2, 3, 4, 5]);
        for (int i = 0; i < record.Length; i++)
        {
            using var pair = new TcpPair();
            using var receiver = new RecordConnection(new NetworkStream(pair.Backup), pair.Backup);
            byte[] damaged = [.. record];
            damaged[i] ^= 0x04;
            pair.Primary.Send(damaged);
            pair.Primary.Shutdown(SocketShutdown.Send);

            Assert.Throws<PeerLostException>(() => receiver.Receive(out _));
        }
    }

    [Fact]
    public async Task A_thread_that_waits_for_the_peer_is_woken_by_dispose()
    {
        Task<PeerLostException> waiting = Task.Run(() => Assert.Throws<PeerLostException>(() => ReceiveOne()), TestContext.Current.CancellationToken);

        _receiver.Dispose();

        Assert.False((await waiting).IsSilence);
    }

    [Fact]
    public void After_dispose_sending_says_that_the_peer_is_lost()
    {
        _sender.Dispose();

        Assert.Throws<PeerLostException>(() => _sender.Send(RecordType.Heartbeat, 0, []));
        Assert.Throws<PeerLostException>(() => _sender.TrySend(RecordType.Bye, 0, [], TimeSpan.Zero));
    }

    public void Dispose()
    {
        _sender.Dispose();
        _receiver.Dispose();
        _pair.Dispose();
    }

    private static byte[] Record(ulong epoch, byte[] payload)
    {
        byte[] record = new byte[RecordHeader.Bytes + payload.Length];
        RecordHeader.Write(record, RecordType.DeviceState, epoch, payload);
        payload.CopyTo(record, RecordHeader.Bytes);
        return record;
    }

    private (RecordType Type, ulong Epoch, int Bytes) ReceiveOne()
    {
        RecordHeader header = _receiver.Receive(out ReadOnlySpan<byte> payload);
        return (header.Type, header.Epoch, payload.Length);
    }
}
