// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;

namespace Hikae.Protocol.Guest;

/// <summary>Guest to host: the bitmaps of one slice of page frames.</summary>
/// <remarks>
/// Payload: be64 scan number, be64 first pfn, be32 pfn count, u8 contents, u8 encoding (1 plain, 2 Brotli), 2 reserved (zero,
/// ignored), then the bitmaps, free before clean cache, each (count + 7) / 8 bytes, bit 0 of byte 0 for the first page.
/// They are compressed together. Slices of a scan are sent in rising order and do not overlap; where no bit would be set,
/// no slice is sent.
/// </remarks>
public readonly ref struct ScanAnswer
{
    /// <summary>Bytes before the bitmaps.</summary>
    public const int FixedBytes = 24;

    /// <summary>No answer frame is longer: bitmaps that do not compress are sent plain.</summary>
    public const int MaxFrameBytes = GuestProtocol.HeaderBytes + FixedBytes + GuestProtocol.MaxSliceBytes;

    private const byte PlainEncoding = 1;
    private const byte BrotliEncoding = 2;

    private ScanAnswer(ulong scanNumber, ulong firstPfn, int pfnCount, ScanContents contents)
    {
        ScanNumber = scanNumber;
        FirstPfn = firstPfn;
        PfnCount = pfnCount;
        Contents = contents;
    }

    /// <summary>The request's number.</summary>
    public ulong ScanNumber { get; }

    /// <summary>The page frame of the bitmaps' first bit.</summary>
    public ulong FirstPfn { get; }

    /// <summary>Page frames in the slice, 1 to <see cref="GuestProtocol.MaxSlicePages"/>.</summary>
    public int PfnCount { get; }

    /// <summary>Which bitmaps follow.</summary>
    public ScanContents Contents { get; }

    /// <summary>Bytes of one bitmap of this slice.</summary>
    public int BitmapBytes => BytesFor(PfnCount);

    private ReadOnlySpan<byte> Encoded { get; init; }

    private bool IsCompressed { get; init; }

    private int DecodedBytes => Contents == ScanContents.Both ? 2 * BitmapBytes : BitmapBytes;

    /// <summary>Bytes of a bitmap of so many pages.</summary>
    public static int BytesFor(int pages) => (pages + 7) / 8;

    /// <summary>False: this payload never was an answer. The bitmaps are not looked at yet.</summary>
    public static bool TryParse(ReadOnlySpan<byte> payload, out ScanAnswer answer)
    {
        answer = default;
        if (payload.Length <= FixedBytes)
        {
            return false;
        }

        ulong firstPfn = BinaryPrimitives.ReadUInt64BigEndian(payload[8..]);
        uint pfnCount = BinaryPrimitives.ReadUInt32BigEndian(payload[16..]);
        var contents = (ScanContents)payload[20];
        byte encoding = payload[21];
        if (pfnCount is 0 or > GuestProtocol.MaxSlicePages
            || firstPfn > GuestProtocol.MaxPfn - pfnCount
            || contents is ScanContents.None or > ScanContents.Both
            || encoding is not (PlainEncoding or BrotliEncoding))
        {
            return false;
        }

        answer = new ScanAnswer(BinaryPrimitives.ReadUInt64BigEndian(payload), firstPfn, (int)pfnCount, contents)
        {
            Encoded = payload[FixedBytes..],
            IsCompressed = encoding == BrotliEncoding,
        };
        return answer.IsCompressed || answer.Encoded.Length == answer.DecodedBytes;
    }

    /// <summary>
    /// Unpacks the bitmaps into the caller's memory, which is the bound: more than fits is refused, and so is less than due.
    /// A bitmap that was not sent comes out as zeros. False: the bytes never were these bitmaps.
    /// </summary>
    /// <param name="scratch">At least <see cref="GuestProtocol.MaxSliceBytes"/> bytes; the two results lie in it.</param>
    /// <param name="free">Free pages.</param>
    /// <param name="cache">Clean page cache by its flags.</param>
    public bool TryDecode(Span<byte> scratch, out ReadOnlySpan<byte> free, out ReadOnlySpan<byte> cache)
    {
        Span<byte> both = scratch[..(2 * BitmapBytes)];
        Span<byte> decoded = both[..DecodedBytes];
        both[DecodedBytes..].Clear();
        bool whole = true;
        if (IsCompressed)
        {
            whole = BitmapCompression.TryDecompress(Encoded, decoded);
        }
        else
        {
            Encoded.CopyTo(decoded);
        }

        free = both[..BitmapBytes];
        cache = both[BitmapBytes..];
        if (Contents == ScanContents.Cache)
        {
            ReadOnlySpan<byte> empty = cache;
            cache = free;
            free = empty;
        }

        return whole;
    }

    /// <summary>Writes the frame of one slice. Returns its length.</summary>
    /// <param name="frame">At least <see cref="MaxFrameBytes"/> bytes.</param>
    /// <param name="scanNumber">The request's number.</param>
    /// <param name="firstPfn">The page frame of the first bit.</param>
    /// <param name="pfnCount">Page frames in the slice.</param>
    /// <param name="contents">Which bitmaps are given.</param>
    /// <param name="bitmaps">The bitmaps one after the other, free first, as long as <see cref="BytesFor"/> says each.</param>
    public static int WriteFrame(
        Span<byte> frame, ulong scanNumber, ulong firstPfn, int pfnCount, ScanContents contents, ReadOnlySpan<byte> bitmaps)
    {
        Span<byte> payload = GuestFrameWriter.Payload(frame);
        payload[..FixedBytes].Clear();
        BinaryPrimitives.WriteUInt64BigEndian(payload, scanNumber);
        BinaryPrimitives.WriteUInt64BigEndian(payload[8..], firstPfn);
        BinaryPrimitives.WriteUInt32BigEndian(payload[16..], (uint)pfnCount);
        payload[20] = (byte)contents;
        Span<byte> encoded = payload.Slice(FixedBytes, bitmaps.Length);
        payload[21] = BrotliEncoding;
        if (!BitmapCompression.TryCompress(bitmaps, encoded, out int encodedBytes))
        {
            payload[21] = PlainEncoding;
            bitmaps.CopyTo(encoded);
            encodedBytes = bitmaps.Length;
        }

        return GuestFrameWriter.Seal(frame, GuestFrameType.ScanAnswer, FixedBytes + encodedBytes);
    }
}
