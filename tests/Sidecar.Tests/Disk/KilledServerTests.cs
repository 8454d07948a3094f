// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Net.Sockets;
using Xunit;

namespace Hikae.Sidecar.Tests.Disk;

/// <summary>A sidecar killed in the middle of writes, and the next one: every acknowledged write is there.</summary>
public sealed class KilledServerTests
{
    private const int Blocks = 2048;
    private const int BlockBytes = 4096;
    private const int Rounds = 4;

    // Each write carries its number. What is read must be the last acknowledged one, or one that was sent after it.
    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 3)]
    [InlineData(3, 20)]
    public void Every_acknowledged_write_survives(int seed, int epochMs)
    {
        var random = new Random(seed);
        using var folder = new TemporaryFolder("/dev/shm");
        string image = folder.File("image");
        File.WriteAllBytes(image, new byte[Blocks * BlockBytes]);
        ulong[] acknowledged = new ulong[Blocks];
        ulong[] sent = new ulong[Blocks];
        ulong number = 0;
        for (int round = 0; round < Rounds; round++)
        {
            using var server = new ServerProcess(folder, image, epochMs);
            AssertHolds(server, acknowledged, sent);
            using var kill = new Timer(_ => server.Kill(), null, random.Next(20, 300), Timeout.Infinite);
            number = WriteUntilKilled(server, random, acknowledged, sent, number);
        }

        using var last = new ServerProcess(folder, image, epochMs);
        AssertHolds(last, acknowledged, sent);
        last.Terminate();

        byte[] bytes = File.ReadAllBytes(image);
        for (int block = 0; block < Blocks; block++)
        {
            Assert.InRange(BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(block * BlockBytes)), acknowledged[block], sent[block]);
        }

        Assert.True(number > 100);
    }

    private static ulong WriteUntilKilled(ServerProcess server, Random random, ulong[] acknowledged, ulong[] sent, ulong number)
    {
        var under = new Dictionary<ulong, (int Block, ulong Number)>();
        byte[] data = new byte[BlockBytes];
        try
        {
            using var client = new NbdTestClient(server.SocketPath);
            while (true)
            {
                while (under.Count < 16)
                {
                    int block = random.Next(Blocks);
                    if (under.Values.Any(write => write.Block == block))
                    {
                        continue;
                    }

                    data.AsSpan().Fill((byte)++number);
                    BinaryPrimitives.WriteUInt64LittleEndian(data, number);
                    sent[block] = number;
                    under.Add(client.Send(NbdTestClient.Write, (ulong)block * BlockBytes, BlockBytes, data), (block, number));
                }

                NbdTestReply reply = client.Next();
                Assert.Equal(0u, reply.Error);
                Assert.True(under.Remove(reply.Cookie, out (int Block, ulong Number) written));
                acknowledged[written.Block] = written.Number;
            }
        }
        catch (Exception killed) when (killed is SocketException or EndOfStreamException)
        {
            return number;
        }
    }

    private static void AssertHolds(ServerProcess server, ulong[] acknowledged, ulong[] sent)
    {
        using var client = new NbdTestClient(server.SocketPath);
        for (int block = 0; block < Blocks; block++)
        {
            byte[] data = client.ReadBytes((long)block * BlockBytes, BlockBytes);
            ulong found = BinaryPrimitives.ReadUInt64LittleEndian(data);
            Assert.InRange(found, acknowledged[block], sent[block]);
            Assert.Equal(-1, data.AsSpan(8).IndexOfAnyExcept((byte)found));
        }
    }
}
