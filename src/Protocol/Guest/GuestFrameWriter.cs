// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.IO.Hashing;

namespace Hikae.Protocol.Guest;

/// <summary>Puts the header before a payload that already stands in its place.</summary>
public static class GuestFrameWriter
{
    /// <summary>Where a frame's payload goes; call <see cref="Seal"/> when it is there.</summary>
    public static Span<byte> Payload(Span<byte> frame) => frame[GuestProtocol.HeaderBytes..];

    /// <summary>Writes the header. Returns the length of the whole frame.</summary>
    /// <param name="frame">Header space, then the payload.</param>
    /// <param name="type">What the payload is.</param>
    /// <param name="payloadBytes">Bytes of payload, at most <see cref="GuestProtocol.MaxPayloadBytes"/>.</param>
    public static int Seal(Span<byte> frame, GuestFrameType type, int payloadBytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payloadBytes, GuestProtocol.MaxPayloadBytes);
        ReadOnlySpan<byte> payload = frame.Slice(GuestProtocol.HeaderBytes, payloadBytes);
        BinaryPrimitives.WriteUInt32BigEndian(frame, GuestProtocol.Magic);
        BinaryPrimitives.WriteUInt16BigEndian(frame[4..], GuestProtocol.Version);
        BinaryPrimitives.WriteUInt16BigEndian(frame[6..], (ushort)type);
        BinaryPrimitives.WriteUInt32BigEndian(frame[8..], (uint)payloadBytes);
        BinaryPrimitives.WriteUInt32BigEndian(frame[12..], Crc32.HashToUInt32(frame[..12]));
        BinaryPrimitives.WriteUInt64BigEndian(frame[16..], Check(frame[..16], payload));
        return GuestProtocol.HeaderBytes + payloadBytes;
    }

    /// <summary>Writes a ping, which has no payload. Returns the length of the frame.</summary>
    public static int WritePing(Span<byte> frame) => Seal(frame, GuestFrameType.Ping, 0);

    internal static ulong Check(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload) =>
        XxHash3.HashToUInt64(payload, (long)XxHash3.HashToUInt64(header));
}
