// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;

namespace Hikae.Protocol.Guest;

/// <summary>Guest to host: how much of each chunk of a stretch of memory was read while the agent watched. Chunks that no answer speaks of were not read.</summary>
/// <remarks>
/// Payload: be64 number, be64 first chunk, be32 count, be32 reserved (zero, ignored), then a byte for each chunk: half as many pages as were read in it, rounded up, 255 at most.
/// A chunk is <see cref="GuestProtocol.ChunkPages"/> page frames, the first of them a multiple of that.
/// </remarks>
public readonly ref struct ReadsAnswer
{
    /// <summary>Most chunks in one frame: 64 GiB of guest memory.</summary>
    public const int MaxChunks = 32 * 1024;

    /// <summary>No such frame is longer.</summary>
    public const int MaxFrameBytes = GuestProtocol.HeaderBytes + FixedBytes + MaxChunks;

    /// <summary>Pages for which the figure of a chunk rises by one: 512 of them fit into a byte then, but for the last two.</summary>
    public const int PagesPerStep = 2;

    private const int FixedBytes = 24;

    private ReadsAnswer(ulong number, ulong firstChunk, ReadOnlySpan<byte> chunks)
    {
        Number = number;
        FirstChunk = firstChunk;
        Chunks = chunks;
    }

    /// <summary>The request's.</summary>
    public ulong Number { get; }

    /// <summary>The number of the first chunk.</summary>
    public ulong FirstChunk { get; }

    /// <summary>A byte for each chunk; borrowed from the payload.</summary>
    public ReadOnlySpan<byte> Chunks { get; }

    /// <summary>What is said of a chunk in which so many pages were read.</summary>
    public static byte ValueOf(int pages) => (byte)Math.Min(byte.MaxValue, (pages + PagesPerStep - 1) / PagesPerStep);

    /// <summary>False: this payload never was such an answer.</summary>
    public static bool TryParse(ReadOnlySpan<byte> payload, out ReadsAnswer answer)
    {
        answer = default;
        if (payload.Length < FixedBytes)
        {
            return false;
        }

        ulong first = BinaryPrimitives.ReadUInt64BigEndian(payload[8..]);
        uint count = BinaryPrimitives.ReadUInt32BigEndian(payload[16..]);
        const ulong end = GuestProtocol.MaxPfn / GuestProtocol.ChunkPages;
        if (count is 0 or > MaxChunks || payload.Length != FixedBytes + (int)count || first > end - count)
        {
            return false;
        }

        answer = new ReadsAnswer(BinaryPrimitives.ReadUInt64BigEndian(payload), first, payload[FixedBytes..]);
        return true;
    }

    /// <summary>Writes the frame. Returns its length.</summary>
    public static int WriteFrame(Span<byte> frame, ulong number, ulong firstChunk, ReadOnlySpan<byte> chunks)
    {
        ArgumentOutOfRangeException.ThrowIfZero(chunks.Length, nameof(chunks));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(chunks.Length, MaxChunks, nameof(chunks));
        Span<byte> payload = GuestFrameWriter.Payload(frame);
        payload[..FixedBytes].Clear();
        BinaryPrimitives.WriteUInt64BigEndian(payload, number);
        BinaryPrimitives.WriteUInt64BigEndian(payload[8..], firstChunk);
        BinaryPrimitives.WriteUInt32BigEndian(payload[16..], (uint)chunks.Length);
        chunks.CopyTo(payload[FixedBytes..]);
        return GuestFrameWriter.Seal(frame, GuestFrameType.ReadsAnswer, FixedBytes + chunks.Length);
    }
}
