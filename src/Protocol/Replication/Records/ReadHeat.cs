// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;

namespace Hikae.Protocol.Replication;

/// <summary>The payload of a ReadHeat record: <c>be16 block, be16 0, be32 first chunk, { u8 heat }*</c>. What the guest reads often and lately is hot.</summary>
/// <remarks>It is said of each chunk (<see cref="ReplicationLimits.PagesPerChunk"/> pages) from the first on, and counts until it is said again. Whether the chunks lie within the RAM block, only the receiver can tell.</remarks>
public readonly ref struct ReadHeat
{
    private const int HeadBytes = 8;

    // The last chunk of the largest guest.
    private const long ChunksEnd = ReplicationLimits.MaxGuestBytes / ReplicationLimits.PageBytes / ReplicationLimits.PagesPerChunk;

    private ReadHeat(int block, int firstChunk, ReadOnlySpan<byte> chunks)
    {
        Block = block;
        FirstChunk = firstChunk;
        Chunks = chunks;
    }

    /// <summary>Index of the RAM block in the guest's block list.</summary>
    public int Block { get; }

    /// <summary>Place of the first chunk in the block.</summary>
    public int FirstChunk { get; }

    /// <summary>A byte for each chunk, 0 to 255; borrowed from the payload.</summary>
    public ReadOnlySpan<byte> Chunks { get; }

    /// <summary>Bytes that so many chunks take.</summary>
    public static int SizeBytes(int chunks) => HeadBytes + chunks;

    /// <summary>Reads a payload. Throws <see cref="ReplicationProtocolException"/> when it has no chunk, too many, or chunks above the largest guest.</summary>
    public static ReadHeat Read(ReadOnlySpan<byte> payload)
    {
        int count = payload.Length - HeadBytes;
        if (count is <= 0 or > ReplicationLimits.MaxChunksPerRecord)
        {
            throw new ReplicationProtocolException($"ReadHeat record of {payload.Length} bytes is not a head and 1 to {ReplicationLimits.MaxChunksPerRecord} chunks.");
        }
        uint first = BinaryPrimitives.ReadUInt32BigEndian(payload[4..]);
        return first + (long)count <= ChunksEnd
            ? new ReadHeat(BinaryPrimitives.ReadUInt16BigEndian(payload), (int)first, payload[HeadBytes..])
            : throw new ReplicationProtocolException($"ReadHeat record names chunk {first + (long)count - 1}, the largest guest has {ChunksEnd}.");
    }

    /// <summary>Writes one payload and returns its length in bytes.</summary>
    /// <param name="destination">At least <see cref="SizeBytes"/> bytes for that many chunks.</param>
    /// <param name="block">Index of the RAM block in the guest's block list.</param>
    /// <param name="firstChunk">Place of the first chunk in the block.</param>
    /// <param name="chunks">1 to <see cref="ReplicationLimits.MaxChunksPerRecord"/> of them.</param>
    public static int Write(Span<byte> destination, int block, int firstChunk, ReadOnlySpan<byte> chunks)
    {
        ArgumentOutOfRangeException.ThrowIfZero(chunks.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(chunks.Length, ReplicationLimits.MaxChunksPerRecord);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)block, ReplicationLimits.MaxBlocks - 1u, nameof(block));
        BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)block);
        BinaryPrimitives.WriteUInt16BigEndian(destination[2..], 0);
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], (uint)firstChunk);
        chunks.CopyTo(destination[HeadBytes..]);
        return SizeBytes(chunks.Length);
    }
}
