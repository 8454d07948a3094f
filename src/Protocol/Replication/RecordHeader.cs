// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.IO.Hashing;

namespace Hikae.Protocol.Replication;

/// <summary>The 24 bytes before every record's payload.</summary>
/// <remarks>
/// <code>
///  0        4        8                 16                24
///  +--------+--------+-----------------+-----------------+
///  | type   | length | epoch           | checksum        |
///  | be32   | be32   | be64            | be64            |
///  +--------+--------+-----------------+-----------------+
/// </code>
/// Bit 31 of the type marks a record that a reader may skip when it does not know it.
/// The checksum is XxHash3 over the first 16 bytes and the payload: it finds faulty memory and plain-text links that
/// flip bits; against an attacker there is TLS.
/// </remarks>
public readonly record struct RecordHeader(RecordType Type, bool IsOptional, int PayloadBytes, ulong Epoch, ulong Checksum)
{
    /// <summary>Bytes of the header on the wire.</summary>
    public const int Bytes = 24;

    private const uint OptionalBit = 0x8000_0000;

    /// <summary>Reads a header. Throws <see cref="ReplicationProtocolException"/> when the length is above the limit or the type is 0.</summary>
    /// <param name="bytes">At least <see cref="Bytes"/> bytes.</param>
    public static RecordHeader Parse(ReadOnlySpan<byte> bytes)
    {
        uint rawType = BinaryPrimitives.ReadUInt32BigEndian(bytes);
        uint length = BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]);
        uint type = rawType & ~OptionalBit;
        if (type == (uint)RecordType.Invalid)
        {
            throw new ReplicationProtocolException("Record type 0 is invalid.");
        }
        if (length > ReplicationLimits.MaxPayloadBytes)
        {
            throw new ReplicationProtocolException(
                $"Record type {type} names {length} payload bytes, the limit is {ReplicationLimits.MaxPayloadBytes}.");
        }

        return new RecordHeader(
            (RecordType)type,
            (rawType & OptionalBit) != 0,
            (int)length,
            BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]),
            BinaryPrimitives.ReadUInt64BigEndian(bytes[16..]));
    }

    /// <summary>Writes a header for <paramref name="payload"/>, with its checksum, into the first 24 bytes of <paramref name="destination"/>.</summary>
    public static void Write(Span<byte> destination, RecordType type, ulong epoch, ReadOnlySpan<byte> payload, bool isOptional = false)
    {
        BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)type | (isOptional ? OptionalBit : 0));
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], (uint)payload.Length);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], epoch);
        BinaryPrimitives.WriteUInt64BigEndian(destination[16..], ComputeChecksum(destination[..16], payload));
    }

    /// <summary>Throws when header and payload do not belong together, or were changed on the way.</summary>
    /// <param name="headerBytes">The header as received.</param>
    /// <param name="payload">The payload as received.</param>
    public void Verify(ReadOnlySpan<byte> headerBytes, ReadOnlySpan<byte> payload)
    {
        ulong actual = ComputeChecksum(headerBytes[..16], payload);
        if (actual != Checksum)
        {
            throw new ReplicationProtocolException(
                $"{Type} record of epoch {Epoch} has checksum 0x{Checksum:x16}, its {payload.Length} bytes give 0x{actual:x16}.");
        }
    }

    // Two seeds instead of one concatenated buffer: the payload is hashed where it lies.
    private static ulong ComputeChecksum(ReadOnlySpan<byte> fields, ReadOnlySpan<byte> payload) =>
        XxHash3.HashToUInt64(payload, unchecked((long)XxHash3.HashToUInt64(fields)));
}
