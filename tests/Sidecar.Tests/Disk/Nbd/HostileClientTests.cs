// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Net.Sockets;
using Xunit;

namespace Hikae.Sidecar.Tests.Disk.Nbd;

/// <summary>Whatever a client sends, it costs that client its connection and nobody else anything.</summary>
public sealed class HostileClientTests : IDisposable
{
    private readonly RunningDisk _running = new();

    public void Dispose() => _running.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Random_bytes_cost_only_their_own_connection(int seed)
    {
        var random = new Random(seed);
        _running.Disk.Hold();
        using NbdTestClient bystander = _running.Connect();
        bystander.WriteBytes(0, [7, 7, 7]);

        for (int i = 0; i < 50; i++)
        {
            using NbdTestClient hostile = _running.Connect(structured: i % 3 == 0);
            if (i % 3 == 1)
            {
                hostile.Greet();
            }

            SendUntilRefused(hostile.Socket, random);
        }

        Assert.Equal([7, 7, 7], bystander.ReadBytes(0, 3));
        using NbdTestClient late = _running.Connect();
        Assert.Equal(16ul << 20, late.SizeBytes);
    }

    // Requests that begin as requests do, with any content: all that can be asked for within the export may happen, and nothing else.
    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    public void Random_requests_are_answered_or_end_the_connection(int seed)
    {
        var random = new Random(seed);
        using NbdTestClient bystander = _running.Connect();
        for (int i = 0; i < 25; i++)
        {
            using NbdTestClient hostile = _running.Connect();
            for (int k = 0; k < 40; k++)
            {
                byte[] request = new byte[28];
                random.NextBytes(request);
                BinaryPrimitives.WriteUInt32BigEndian(request, 0x25609513);
                BinaryPrimitives.WriteUInt16BigEndian(request.AsSpan(4), (ushort)(random.Next(4) == 0 ? random.Next(64) : 0));
                BinaryPrimitives.WriteUInt16BigEndian(request.AsSpan(6), (ushort)random.Next(12));
                if (random.Next(3) > 0)
                {
                    BinaryPrimitives.WriteUInt64BigEndian(request.AsSpan(16), (ulong)random.Next(17 << 20));
                    BinaryPrimitives.WriteUInt32BigEndian(request.AsSpan(24), (uint)random.Next(100_000));
                }

                if (!TrySend(hostile.Socket, request))
                {
                    break;
                }
            }
        }

        Assert.Equal(512, bystander.ReadBytes(0, 512).Length);
    }

    [Fact]
    public void A_handshake_cut_at_any_byte_leaves_the_server_as_it_was()
    {
        byte[] handshake = [0, 0, 0, 3, .. "IHAVEOPT"u8, 0, 0, 0, 8, 0, 0, 0, 0, .. "IHAVEOPT"u8, 0, 0, 0, 7, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0];
        for (int cut = 0; cut < handshake.Length; cut++)
        {
            using NbdTestClient hostile = _running.Connect(structured: false);
            hostile.Socket.Send(handshake.AsSpan(0, cut));
        }

        Assert.True(SpinWait.SpinUntil(CanConnect, RunningDisk.Patience));
    }

    [Fact]
    public void Options_with_impossible_lengths_are_refused()
    {
        using NbdTestClient client = _running.Connect(structured: false);
        client.Greet();
        const uint Invalid = (1u << 31) + 3;
        const uint Unsupported = (1u << 31) + 1;
        const uint Unknown = (1u << 31) + 6;

        Assert.Equal(Invalid, Answer(client, 7, [255, 255, 255, 255, 0, 0]));
        Assert.Equal(Invalid, Answer(client, 7, [0, 0, 0, 0, 255, 255]));
        Assert.Equal(Invalid, Answer(client, 7, []));
        Assert.Equal(Invalid, Answer(client, 3, [1]));
        Assert.Equal(Invalid, Answer(client, 8, [1]));
        Assert.Equal(Invalid, Answer(client, 10, [0, 0, 0, 0, 0, 0, 0, 0]));
        Assert.Equal(1u, Answer(client, 8, []));
        Assert.Equal(Invalid, Answer(client, 10, [0, 0, 0, 0, 255, 255, 255, 255]));
        Assert.Equal(Unknown, Answer(client, 7, [0, 0, 0, 1, (byte)'x', 0, 0]));
        Assert.Equal(Unsupported, Answer(client, 5, []));
        Assert.Equal(Unsupported, Answer(client, 77, [1, 2, 3]));
        Assert.Equal(1u, client.Go());

        static uint Answer(NbdTestClient client, uint option, byte[] data)
        {
            client.Option(option, data);
            return client.ReadOptionReplies();
        }
    }

    [Fact]
    public void An_option_larger_than_the_limit_ends_the_connection_before_it_is_read()
    {
        using NbdTestClient client = _running.Connect(structured: false);
        client.Greet();
        client.Socket.Send([.. "IHAVEOPT"u8, 0, 0, 0, 7, 0x7f, 255, 255, 255]);

        Assert.True(client.IsClosed());
    }

    [Fact]
    public void A_write_that_is_refused_is_read_to_its_end()
    {
        using NbdTestClient client = _running.Connect();
        byte[] data = new byte[1 << 20];

        client.Send(NbdTestClient.Write, 16 << 20, (uint)data.Length, data);
        client.Send(NbdTestClient.Write, 0, 40 << 20, new byte[40 << 20]);
        client.Send(NbdTestClient.Write, 0, 512, data.AsSpan(0, 512), flags: NbdTestClient.FastZero);
        client.Send(NbdTestClient.Read, 0, 512);

        Assert.Equal([28u, 22u, 22u, 0u], Enumerable.Range(0, 4).Select(_ => client.Next().Error));
    }

    [Fact]
    public void A_write_beyond_every_limit_ends_the_connection()
    {
        using NbdTestClient client = _running.Connect();

        client.Send(NbdTestClient.Write, 0, uint.MaxValue);

        Assert.True(client.IsClosed());
    }

    [Fact]
    public void A_read_beyond_the_limit_is_refused_before_memory_is_taken()
    {
        using NbdTestClient client = _running.Connect();

        Assert.Equal(22u, client.Do(NbdTestClient.Read, 0, uint.MaxValue).Error);
        Assert.Equal(22u, client.Do(NbdTestClient.Read, ulong.MaxValue, 1).Error);
        Assert.Equal(22u, client.Do(NbdTestClient.BlockStatus, 0, 4096).Error);
        Assert.Equal(16 << 20, client.ReadBytes(0, 16 << 20).Length);
    }

    [Fact]
    public void A_client_that_reads_no_answers_holds_up_nobody_else()
    {
        using NbdTestClient deaf = _running.Connect();
        using NbdTestClient other = _running.Connect();
        for (int i = 0; i < 200; i++)
        {
            deaf.Send(NbdTestClient.Read, 0, 1 << 20);
        }

        Assert.Equal(512, other.ReadBytes(0, 512).Length);
    }

    [Fact]
    public void More_clients_than_the_limit_are_turned_away_and_then_welcome_again()
    {
        List<NbdTestClient> clients = [.. Enumerable.Range(0, 64).Select(_ => _running.Connect())];
        using (NbdTestClient late = _running.Connect(structured: false))
        {
            Assert.True(late.IsClosed());
        }

        clients.ForEach(client => client.Dispose());

        Assert.True(SpinWait.SpinUntil(CanConnect, RunningDisk.Patience));
    }

    private bool CanConnect()
    {
        try
        {
            using NbdTestClient client = _running.Connect();
            return true;
        }
        catch (Exception refused) when (refused is EndOfStreamException or SocketException)
        {
            return false;
        }
    }

    private static void SendUntilRefused(Socket socket, Random random)
    {
        byte[] bytes = new byte[random.Next(1, 5000)];
        for (int i = 0; i < 20; i++)
        {
            random.NextBytes(bytes);
            if (!TrySend(socket, bytes))
            {
                return;
            }
        }
    }

    private static bool TrySend(Socket socket, byte[] bytes)
    {
        try
        {
            socket.SendTimeout = 2000;
            socket.Send(bytes);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
