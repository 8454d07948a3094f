// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Text;
using CsCheck;
using Hikae.Protocol.Guest;
using Xunit;

namespace Hikae.Protocol.Tests.Guest;

public sealed class GuestRecordTests
{
    private delegate bool Parse(ReadOnlySpan<byte> payload);

    private static readonly Parse[] Parsers =
    [
        payload => payload.IsEmpty,
        payload => ScanRequest.TryParse(payload, out _),
        payload => FailedOver.TryParse(payload, out _),
        payload => GuestHello.TryParse(payload, out _),
        DecodeAnswer,
        payload => ScanEnd.TryParse(payload, out _),
        payload => ReadsRequest.TryParse(payload, out _),
        payload => ReadsAnswer.TryParse(payload, out _),
        payload => ReadsEnd.TryParse(payload, out _),
    ];

    [Fact]
    public void A_payload_cut_at_any_byte_or_one_byte_longer_is_refused()
    {
        byte[][] frames = GuestFrames.OneOfEach();
        for (int kind = 1; kind < frames.Length; kind++)
        {
            byte[] payload = frames[kind][GuestProtocol.HeaderBytes..];
            Assert.True(Parsers[kind](payload));
            for (int cut = 0; cut < payload.Length; cut++)
            {
                Assert.False(Parsers[kind](payload.AsSpan(0, cut)));
            }
        }

        // Brotli ends where it says; bytes behind it are no harm and are not looked at.
        foreach (int kind in (int[])[1, 2, 3, 5, 6, 7, 8])
        {
            Assert.False(Parsers[kind]([.. frames[kind][GuestProtocol.HeaderBytes..], 0]));
        }
    }

    [Fact]
    public void Values_come_back_as_they_were_sent()
    {
        byte[][] frames = GuestFrames.OneOfEach();
        Assert.True(ScanRequest.TryParse(frames[1].AsSpan(GuestProtocol.HeaderBytes), out ScanRequest request));
        Assert.Equal(GuestFrames.Request, request);
        Assert.True(FailedOver.TryParse(frames[2].AsSpan(GuestProtocol.HeaderBytes), out FailedOver failedOver));
        Assert.Equal(3UL, failedOver.Generation);
        Assert.True(GuestHello.TryParse(frames[3].AsSpan(GuestProtocol.HeaderBytes), out GuestHello? hello));
        Assert.Equivalent(GuestFrames.Hello, hello);
        Assert.True(ScanEnd.TryParse(frames[5].AsSpan(GuestProtocol.HeaderBytes), out ScanEnd end));
        Assert.Equal(GuestFrames.End, end);
        Assert.True(ReadsRequest.TryParse(frames[6].AsSpan(GuestProtocol.HeaderBytes), out ReadsRequest reads));
        Assert.Equal(GuestFrames.Reads, reads);
        Assert.True(ReadsAnswer.TryParse(frames[7].AsSpan(GuestProtocol.HeaderBytes), out ReadsAnswer answer));
        Assert.Equal((8UL, 1000UL), (answer.Number, answer.FirstChunk));
        Assert.Equal([0, 1, 255], answer.Chunks.ToArray());
        Assert.True(ReadsEnd.TryParse(frames[8].AsSpan(GuestProtocol.HeaderBytes), out ReadsEnd? readsEnd));
        Assert.Equivalent(GuestFrames.NoReads, readsEnd);
    }

    [Theory]
    [InlineData(0, 0UL, false)]
    [InlineData(1, (GuestProtocol.MaxPfn / GuestProtocol.ChunkPages) - 1, true)]
    [InlineData(2, (GuestProtocol.MaxPfn / GuestProtocol.ChunkPages) - 1, false)]
    [InlineData(1, ulong.MaxValue, false)]
    [InlineData(ReadsAnswer.MaxChunks, 0UL, true)]
    [InlineData(ReadsAnswer.MaxChunks + 1, 0UL, false)]
    public void Each_limit_of_an_answer_about_reads_holds_to_the_last_value(int chunks, ulong first, bool accepted)
    {
        byte[] payload = new byte[24 + chunks];
        BinaryPrimitives.WriteUInt64BigEndian(payload.AsSpan(8), first);
        BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan(16), (uint)chunks);

        Assert.Equal(accepted, ReadsAnswer.TryParse(payload, out _));
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(ReadsRequest.MaxMilliseconds, true)]
    [InlineData(ReadsRequest.MaxMilliseconds + 1, false)]
    public void A_guest_does_not_watch_for_longer_than_the_limit(uint milliseconds, bool accepted)
    {
        byte[] frame = new byte[ReadsRequest.FrameBytes];
        new ReadsRequest(1, milliseconds).WriteFrame(frame);

        Assert.Equal(accepted, ReadsRequest.TryParse(frame.AsSpan(GuestProtocol.HeaderBytes), out _));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(509, 255)]
    [InlineData(512, 255)]
    public void Half_of_the_pages_of_a_chunk_fit_into_a_byte(int pages, byte value) => Assert.Equal(value, ReadsAnswer.ValueOf(pages));

    [Fact]
    public void Random_bitmaps_survive_compression_whatever_their_size_and_contents()
    {
        Gen.Select(Gen.Int[1, 5000], Gen.Int[1, 3], Gen.Int[0, 1000], Gen.ULong[0, GuestProtocol.MaxPfn - 5000]).Sample((pages, contents, seed, pfn) =>
        {
            byte[] sent = [];
            byte[] frame = GuestFrames.Answer(9, pfn, pages, (ScanContents)contents, bitmaps =>
            {
                new Random(seed).NextBytes(bitmaps.AsSpan(0, bitmaps.Length * (seed % 3) / 2));
                sent = bitmaps;
            });

            Assert.True(ScanAnswer.TryParse(frame.AsSpan(GuestProtocol.HeaderBytes), out ScanAnswer answer));
            Assert.True(answer.TryDecode(new byte[GuestProtocol.MaxSliceBytes], out ReadOnlySpan<byte> free, out ReadOnlySpan<byte> cache));
            byte[] none = new byte[ScanAnswer.BytesFor(pages)];
            byte[] expectedFree = (contents & 1) != 0 ? sent[..none.Length] : none;
            byte[] expectedCache = (contents & 2) != 0 ? sent[^none.Length..] : none;
            Assert.Equal(expectedFree, free.ToArray());
            Assert.Equal(expectedCache, cache.ToArray());
            Assert.Equal(pfn, answer.FirstPfn);
            Assert.Equal(pages, answer.PfnCount);
        });
    }

    [Fact]
    public void The_largest_slice_of_noise_fits_into_a_frame()
    {
        byte[] frame = GuestFrames.Answer(1, 0, GuestProtocol.MaxSlicePages, ScanContents.Both, bitmaps => new Random(2).NextBytes(bitmaps));
        Assert.InRange(frame.Length, 1, GuestProtocol.MaxFrameBytes);
        Assert.True(ScanAnswer.TryParse(frame.AsSpan(GuestProtocol.HeaderBytes), out _));
    }

    [Theory]
    [InlineData(0UL, 0U, ScanContents.Both, 1, false)]
    [InlineData(0UL, (uint)GuestProtocol.MaxSlicePages, ScanContents.Both, 2, true)]
    [InlineData(0UL, GuestProtocol.MaxSlicePages + 1U, ScanContents.Both, 2, false)]
    [InlineData(GuestProtocol.MaxPfn - 8, 8U, ScanContents.Both, 2, true)]
    [InlineData(GuestProtocol.MaxPfn - 7, 8U, ScanContents.Both, 2, false)]
    [InlineData(ulong.MaxValue, 8U, ScanContents.Both, 2, false)]
    [InlineData(0UL, uint.MaxValue, ScanContents.Both, 2, false)]
    [InlineData(0UL, 8U, ScanContents.None, 2, false)]
    [InlineData(0UL, 8U, (ScanContents)4, 2, false)]
    [InlineData(0UL, 8U, ScanContents.Both, 0, false)]
    [InlineData(0UL, 8U, ScanContents.Both, 3, false)]
    public void Each_limit_of_an_answer_holds_to_the_last_value(ulong firstPfn, uint pages, ScanContents contents, byte encoding, bool accepted)
    {
        byte[] payload = new byte[ScanAnswer.FixedBytes + 2];
        BinaryPrimitives.WriteUInt64BigEndian(payload.AsSpan(8), firstPfn);
        BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan(16), pages);
        payload[20] = (byte)contents;
        payload[21] = encoding;
        Assert.Equal(accepted, ScanAnswer.TryParse(payload, out _));
    }

    [Theory]
    [InlineData(0UL, 0UL, false)]
    [InlineData(0UL, GuestProtocol.MaxPfn, true)]
    [InlineData(1UL, GuestProtocol.MaxPfn, false)]
    [InlineData(ulong.MaxValue, 2UL, false)]
    public void Each_limit_of_a_request_holds_to_the_last_value(ulong firstPfn, ulong pages, bool accepted)
    {
        byte[] frame = new byte[ScanRequest.FrameBytes];
        new ScanRequest(1, firstPfn, pages, ScanContents.Free).WriteFrame(frame);
        Assert.Equal(accepted, ScanRequest.TryParse(frame.AsSpan(GuestProtocol.HeaderBytes), out _));
    }

    [Theory]
    [InlineData(GuestProtocol.MaxSliceBytes, true)]
    [InlineData(GuestProtocol.MaxSliceBytes - 1, false)]
    [InlineData(GuestProtocol.MaxSliceBytes + 1, false)]
    [InlineData(64 * 1024 * 1024, false)]
    public void A_stream_that_unpacks_to_more_or_less_than_the_bitmaps_is_refused(int unpackedBytes, bool accepted)
    {
        byte[] packed = new byte[4096];
        Assert.True(System.IO.Compression.BrotliEncoder.TryCompress(new byte[unpackedBytes], packed, out int written, 5, 18));
        byte[] payload = AnswerPayload(packed.AsSpan(0, written));

        Assert.True(ScanAnswer.TryParse(payload, out ScanAnswer answer));
        Assert.Equal(accepted, answer.TryDecode(new byte[GuestProtocol.MaxSliceBytes], out _, out _));
    }

    [Theory]
    [InlineData(18, true)]
    [InlineData(19, false)]
    [InlineData(24, false)]
    public void A_stream_that_declares_a_large_window_is_refused_before_the_decoder_sees_it(int windowBits, bool accepted)
    {
        byte[] packed = new byte[4096];
        byte[] bitmaps = new byte[GuestProtocol.MaxSliceBytes];
        Assert.True(System.IO.Compression.BrotliEncoder.TryCompress(bitmaps, packed, out int written, 5, windowBits));
        Assert.Equal(windowBits, BitmapCompression.DeclaredWindowBits(packed[0]));
        Assert.Equal(accepted, BitmapCompression.TryDecompress(packed.AsSpan(0, written), bitmaps));
    }

    [Fact]
    public void A_hello_cannot_put_control_characters_into_our_logs()
    {
        var hello = new GuestHello
        {
            AgentVersion = "1\u001b[2J\n",
            KernelRelease = "\u202Egpj",
            PageSize = 4096,
            Available = ScanContents.None,
            FreeIsOff = new string('é', 400),
        };
        byte[] frame = new byte[GuestHello.MaxFrameBytes];
        int length = hello.WriteFrame(frame);

        Assert.True(GuestHello.TryParse(frame.AsSpan(GuestProtocol.HeaderBytes, length - GuestProtocol.HeaderBytes), out GuestHello? read));
        Assert.Equal("1?[2J?", read!.AgentVersion);
        Assert.Equal("?gpj", read.KernelRelease);
        Assert.Equal(GuestHello.MaxFreeIsOffBytes, Encoding.UTF8.GetByteCount(read.FreeIsOff));
    }

    [Fact]
    public void Each_text_limit_of_a_hello_holds_to_the_byte()
    {
        Assert.True(Accepts(GuestHello.MaxAgentVersionBytes, 0, 0));
        Assert.False(Accepts(GuestHello.MaxAgentVersionBytes + 1, 0, 0));
        Assert.True(Accepts(0, GuestHello.MaxKernelReleaseBytes, 0));
        Assert.False(Accepts(0, GuestHello.MaxKernelReleaseBytes + 1, 0));
        Assert.True(Accepts(0, 0, GuestHello.MaxFreeIsOffBytes));
        Assert.False(Accepts(0, 0, GuestHello.MaxFreeIsOffBytes + 1));

        static bool Accepts(params int[] lengths)
        {
            byte[] payload = [0, 0, 16, 0, 3, 0, 0, 0, .. lengths.SelectMany(n => (byte[])[(byte)(n >> 8), (byte)n, .. new byte[n]])];
            return GuestHello.TryParse(payload, out _);
        }
    }

    [Fact]
    public void Random_payloads_never_throw_and_never_allocate_beyond_a_hello()
    {
        byte[] scratch = new byte[GuestProtocol.MaxSliceBytes];
        Gen.Byte.Array[0, 1500].Sample(payload =>
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            foreach (Parse parse in Parsers)
            {
                parse(payload);
            }

            // Brotli's own state is native; what is managed is the safe handle, and a hello's three texts.
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 8192 + scratch.Length);
        });
    }

    [Fact]
    public void Random_compressed_bytes_never_throw()
    {
        byte[] scratch = new byte[GuestProtocol.MaxSliceBytes];
        Gen.Byte.Array[0, 400].Sample(bytes =>
        {
            if (ScanAnswer.TryParse(AnswerPayload(bytes), out ScanAnswer answer))
            {
                answer.TryDecode(scratch, out _, out _);
            }
        });
    }

    private static byte[] AnswerPayload(ReadOnlySpan<byte> encoded)
    {
        byte[] payload = new byte[ScanAnswer.FixedBytes + encoded.Length];
        BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan(16), GuestProtocol.MaxSlicePages);
        payload[20] = (byte)ScanContents.Both;
        payload[21] = 2;
        encoded.CopyTo(payload.AsSpan(ScanAnswer.FixedBytes));
        return payload;
    }

    private static bool DecodeAnswer(ReadOnlySpan<byte> payload) =>
        ScanAnswer.TryParse(payload, out ScanAnswer answer)
        && answer.TryDecode(new byte[GuestProtocol.MaxSliceBytes], out _, out _);
}
