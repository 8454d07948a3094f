// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using CsCheck;
using Hikae.Protocol.Replication;
using Xunit;

namespace Hikae.Protocol.Tests.Replication;

public sealed class HostileBytesTests
{
    // The largest sample is a HardPages record of 4 219 bytes, read into copies of at most its own size.
    private const long MaxAllocatedBytes = 256 * 1024;

    private static readonly byte[] s_telling = [0, 1, 0x7F, 0x80, 0xFF, (byte)'"', (byte)'{', (byte)'\\'];

    [Fact]
    public void Random_bytes_are_refused_as_such_by_every_reader() =>
        FixedSeed.Each(Gen.Byte.Array[0, 200], 20_000, bytes => Assert.All(SampleRecords.All, sample => ReadHostile(sample.Read, bytes)));

    [Fact]
    public void Records_with_random_changes_are_refused_as_such_or_read()
    {
        Gen<(int Sample, int Cut, (int Position, byte Value)[] Changes)> mutation = Gen.Select(
            Gen.Int[0, SampleRecords.All.Count - 1],
            Gen.Int[0, 12],
            Gen.Select(Gen.Int[0, 300], Gen.Int[0, s_telling.Length - 1].Select(i => s_telling[i])).Array[1, 4]);

        FixedSeed.Each(mutation, 40_000, input =>
        {
            (_, byte[] payload, Action<byte[]> read) = SampleRecords.All[input.Sample];
            byte[] changed = payload[..^Math.Min(input.Cut, payload.Length)];
            foreach ((int position, byte value) in input.Changes)
            {
                changed.AsSpan(Math.Min(position, changed.Length), Math.Min(1, Math.Max(0, changed.Length - position))).Fill(value);
            }
            ReadHostile(read, changed);
        });
    }

    [Fact]
    public void Random_headers_are_refused_as_such_or_name_a_length_within_the_limit() =>
        FixedSeed.Each(
            Gen.Select(Gen.UInt[0, 64], Gen.Bool, Gen.UInt[0, 8 << 20], Gen.Byte.Array[RecordHeader.Bytes]),
            40_000,
            input =>
            {
                byte[] bytes = input.Item4;
                BinaryPrimitives.WriteUInt32BigEndian(bytes, input.Item1 | (input.Item2 ? 0x8000_0000 : 0));
                BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(4), input.Item3);
                ReadHostile(
                    header => Assert.InRange(RecordHeader.Parse(header).PayloadBytes, 0, ReplicationLimits.MaxPayloadBytes),
                    bytes);
            });

    /// <summary>Reading may succeed; what it must not do is throw anything but the protocol's own exception, or take memory without bound.</summary>
    private static void ReadHostile(Action<byte[]> read, byte[] bytes)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            read(bytes);
        }
        catch (ReplicationProtocolException)
        {
            // The one answer that is right when the bytes are not.
        }
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MaxAllocatedBytes);
    }
}
