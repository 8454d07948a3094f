// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.IO.Hashing;
using CsCheck;
using Hikae.Protocol.Guest;
using Xunit;

namespace Hikae.Protocol.Tests.Guest;

public sealed class GuestFrameReaderTests
{
    [Fact]
    public void Each_frame_is_read_back_whole()
    {
        byte[] stream = [.. GuestFrames.OneOfEach().SelectMany(frame => frame)];
        var reader = new GuestFrameReader(stream);
        var types = new List<GuestFrameType>();
        while (reader.TryRead(out GuestFrame frame))
        {
            types.Add(frame.Type);
        }

        Assert.Equal(
            [
                GuestFrameType.Ping, GuestFrameType.ScanRequest, GuestFrameType.FailedOver, GuestFrameType.Hello, GuestFrameType.ScanAnswer, GuestFrameType.ScanEnd,
                GuestFrameType.ReadsRequest, GuestFrameType.ReadsAnswer, GuestFrameType.ReadsEnd,
            ],
            types);
        Assert.Equal(stream.Length, reader.Consumed);
        Assert.Equal(0, reader.RefusedFrames);
        Assert.Equal(0, reader.SkippedBytes);
    }

    [Fact]
    public void A_frame_cut_at_any_byte_is_not_yet_and_loses_nothing()
    {
        foreach (byte[] frame in GuestFrames.OneOfEach())
        {
            for (int cut = 0; cut < frame.Length; cut++)
            {
                var reader = new GuestFrameReader(frame.AsSpan(0, cut));
                Assert.False(reader.TryRead(out _));
                Assert.Equal(0, reader.Consumed);
                Assert.Equal(0, reader.RefusedFrames);
            }
        }
    }

    [Fact]
    public void A_torn_frame_does_not_take_its_successor_with_it()
    {
        byte[] torn = GuestFrames.Answer(1, 0, 4096, ScanContents.Both, bitmaps => new Random(1).NextBytes(bitmaps));
        byte[] next = GuestFrames.Ping();
        for (int cut = 1; cut < torn.Length; cut++)
        {
            // What follows is long enough to fill the payload that the torn header promised.
            byte[] stream = [.. torn[..cut], .. next, .. new byte[torn.Length]];
            Assert.Equal(GuestFrameType.Ping, GuestFrames.TypeOf(stream));
        }
    }

    [Fact]
    public void Any_flipped_bit_is_refused_and_the_next_frame_is_found()
    {
        byte[] frame = GuestFrames.OneOfEach()[1];
        byte[] next = GuestFrames.OneOfEach()[5];
        for (int bit = 0; bit < frame.Length * 8; bit++)
        {
            byte[] stream = [.. frame, .. next];
            stream[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Equal(GuestFrameType.ScanEnd, GuestFrames.TypeOf(stream));
        }
    }

    [Fact]
    public void Garbage_before_a_frame_is_skipped_and_counted()
    {
        byte[] garbage = "HKAHKAGHKHKAG....HKA"u8.ToArray();
        byte[] stream = [.. garbage, .. GuestFrames.Ping()];
        var reader = new GuestFrameReader(stream);

        Assert.True(reader.TryRead(out GuestFrame frame));
        Assert.Equal(GuestFrameType.Ping, frame.Type);
        Assert.Equal(garbage.Length, reader.SkippedBytes);
        Assert.Equal(2, reader.RefusedFrames);
    }

    [Fact]
    public void Garbage_is_dropped_from_the_buffer_except_a_magic_that_may_have_begun()
    {
        var reader = new GuestFrameReader([.. new byte[1000], (byte)'H', (byte)'K']);
        Assert.False(reader.TryRead(out _));
        Assert.Equal(1000, reader.Consumed);
    }

    [Theory]
    [InlineData(GuestProtocol.MaxPayloadBytes, GuestFrameType.ScanAnswer, 0)]
    [InlineData(GuestProtocol.MaxPayloadBytes + 1, GuestFrameType.Invalid, 1)]
    [InlineData(int.MaxValue, GuestFrameType.Invalid, 1)]
    [InlineData(-1, GuestFrameType.Invalid, 1)]
    public void The_payload_limit_holds_to_the_byte(int payloadBytes, GuestFrameType expected, int refused)
    {
        byte[] stream = new byte[GuestProtocol.HeaderBytes + GuestProtocol.MaxPayloadBytes + 1];
        GuestFrameWriter.Seal(stream, GuestFrameType.ScanAnswer, GuestProtocol.MaxPayloadBytes);
        Rewrite(stream, 8, (uint)payloadBytes);
        var reader = new GuestFrameReader(stream);

        reader.TryRead(out GuestFrame frame);

        Assert.Equal(expected, frame.Type);
        Assert.Equal(refused, reader.RefusedFrames);
    }

    [Fact]
    public void A_version_we_do_not_speak_is_refused()
    {
        byte[] frame = GuestFrames.Ping();
        Rewrite(frame, 4, ((GuestProtocol.Version + 1u) << 16) | (uint)GuestFrameType.Ping);
        var reader = new GuestFrameReader(frame);
        Assert.False(reader.TryRead(out _));
        Assert.Equal(1, reader.RefusedFrames);
    }

    [Fact]
    public void An_unknown_optional_type_says_so()
    {
        byte[] stream = GuestFrames.Sealed((GuestFrameType)(GuestProtocol.OptionalBit | 99), [1, 2, 3]);
        var reader = new GuestFrameReader(stream);
        Assert.True(reader.TryRead(out GuestFrame frame));
        Assert.True(frame.IsOptional);
    }

    [Fact]
    public void Random_bytes_and_random_cuts_never_throw_and_always_move_or_wait()
    {
        Gen<byte[]> piece = Gen.OneOf(
            Gen.Byte.Array[0, 64],
            Gen.Int[0, 8].Select(kind => GuestFrames.OneOfEach()[kind]),
            Gen.Const("HKAG"u8.ToArray()));
        piece.Array[0, 12].Sample(pieces =>
        {
            byte[] stream = [.. pieces.SelectMany(bytes => bytes)];
            var reader = new GuestFrameReader(stream);
            int before = 0;
            while (reader.TryRead(out _))
            {
                Assert.True(reader.Consumed > before);
                before = reader.Consumed;
            }

            Assert.InRange(reader.Consumed, before, stream.Length);
        });
    }

    [Fact]
    public void Reading_allocates_nothing_however_bad_the_bytes()
    {
        byte[] stream = [.. GuestFrames.OneOfEach().SelectMany(frame => frame), .. new byte[100], .. "HKAGHKAGHKAG"u8, .. new byte[100]];
        Read();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            Read();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Read()
        {
            var reader = new GuestFrameReader(stream);
            while (reader.TryRead(out _))
            {
            }
        }
    }

    /// <summary>Changes one word of the header and makes both checks hold again, as a hostile guest would.</summary>
    private static void Rewrite(byte[] frame, int offset, uint word)
    {
        int payloadBytes = BinaryPrimitives.ReadInt32BigEndian(frame.AsSpan(8));
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(offset), word);
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(12), Crc32.HashToUInt32(frame.AsSpan(0, 12)));
        BinaryPrimitives.WriteUInt64BigEndian(
            frame.AsSpan(16), GuestFrameWriter.Check(frame.AsSpan(0, 16), frame.AsSpan(GuestProtocol.HeaderBytes, payloadBytes)));
    }
}
