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
/// Bit 31 of the type marks a record that a reader may skip when it does not know it; an unknown record without that bit ends the link.
/// The checksum is XxHash3 over the first 16 bytes and the payload: it finds faulty memory and plain-text links that
/// flip bits; against an attacker there is TLS.
/// </remarks>
/// <param name="Type">What the record says. Not one of the enum's values only when the record is optional and newer than this build.</param>
/// <param name="IsOptional">Bit 31 of the type field.</param>
/// <param name="PayloadBytes">Bytes of payload that follow the header; within the limit of <paramref name="Type"/>.</param>
/// <param name="Epoch">The epoch that the record belongs to or speaks of; 0 before the first.</param>
/// <param name="Checksum">As received; see <see cref="Verify"/>.</param>
public readonly record struct RecordHeader(RecordType Type, bool IsOptional, int PayloadBytes, ulong Epoch, ulong Checksum)
{
    /// <summary>Bytes of the header on the wire.</summary>
    public const int Bytes = 24;

    private const uint OptionalBit = 0x8000_0000;

    // Types are numbered without gaps (a test sees to that). Enum.IsDefined would say the same, but allocates at times.
    private static readonly RecordType s_lastType = Enum.GetValues<RecordType>().Max();

    /// <summary>False for a record of a newer version: verify its checksum, then pass over it.</summary>
    public bool IsKnown => IsKnownType(Type);

    /// <summary>
    /// Reads a header. Throws <see cref="ReplicationProtocolException"/> when it is cut, when the length is above the type's limit,
    /// or when the type is 0, or unknown and not optional.
    /// </summary>
    /// <remarks>The checksum is not looked at: it covers the payload, which is still to come. Call <see cref="Verify"/> then.</remarks>
    /// <param name="bytes">The header's <see cref="Bytes"/> bytes; what follows them is not looked at.</param>
    public static RecordHeader Parse(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < Bytes)
        {
            throw new ReplicationProtocolException($"Record header is cut after {bytes.Length} of {Bytes} bytes.");
        }
        uint rawType = BinaryPrimitives.ReadUInt32BigEndian(bytes);
        uint length = BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]);
        uint type = rawType & ~OptionalBit;
        if (type == (uint)RecordType.Invalid)
        {
            throw new ReplicationProtocolException("Record type 0 is invalid.");
        }
        bool isOptional = (rawType & OptionalBit) != 0;
        if (!isOptional && !IsKnownType((RecordType)type))
        {
            throw new ReplicationProtocolException($"Record type {type} is unknown and not optional.");
        }
        int limit = ReplicationLimits.MaxPayloadBytesOf((RecordType)type);
        if (length > limit)
        {
            throw new ReplicationProtocolException($"{(RecordType)type} record names {length} payload bytes, the limit is {limit}.");
        }

        return new RecordHeader(
            (RecordType)type,
            isOptional,
            (int)length,
            BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]),
            BinaryPrimitives.ReadUInt64BigEndian(bytes[16..]));
    }

    /// <summary>Writes a header for <paramref name="payload"/>, with its checksum, into the first 24 bytes of <paramref name="destination"/>.</summary>
    /// <remarks>Throws <see cref="ArgumentException"/> on what no peer would accept: type 0, or a payload above the type's limit.</remarks>
    public static void Write(Span<byte> destination, RecordType type, ulong epoch, ReadOnlySpan<byte> payload, bool isOptional = false)
    {
        ArgumentOutOfRangeException.ThrowIfEqual((uint)type, (uint)RecordType.Invalid, nameof(type));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payload.Length, ReplicationLimits.MaxPayloadBytesOf(type), nameof(payload));
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

    private static bool IsKnownType(RecordType type) => type is not RecordType.Invalid && type <= s_lastType;

    // The fields' hash is the seed of the payload's, which needs no buffer that holds both: the payload is hashed where it lies.
    private static ulong ComputeChecksum(ReadOnlySpan<byte> fields, ReadOnlySpan<byte> payload) =>
        XxHash3.HashToUInt64(payload, unchecked((long)XxHash3.HashToUInt64(fields)));
}
