// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;

namespace Hikae.Protocol.Guest;

/// <summary>Guest to host: every slice of this scan has been sent.</summary>
/// <remarks>
/// Payload, 48 bytes: be64 scan number, be64 pages scanned, be64 free, be64 clean cache, be64 microseconds,
/// be32 answer frames sent, be32 reserved (zero, ignored). The counts are for people; the host counts its own.
/// </remarks>
/// <param name="ScanNumber">The request's.</param>
/// <param name="ScannedPages">Pages whose flags were read.</param>
/// <param name="FreePages">Pages found free.</param>
/// <param name="CachePages">Pages found to be clean page cache.</param>
/// <param name="ScanMicroseconds">Spent on reading and classifying flags, sending left out; the guest's monotonic clock.</param>
/// <param name="Slices">Answer frames sent; a host that got fewer discards the scan.</param>
public readonly record struct ScanEnd(
    ulong ScanNumber, ulong ScannedPages, ulong FreePages, ulong CachePages, ulong ScanMicroseconds, uint Slices)
{
    /// <summary>Bytes of payload.</summary>
    public const int PayloadBytes = 48;

    /// <summary>Bytes of the whole frame.</summary>
    public const int FrameBytes = GuestProtocol.HeaderBytes + PayloadBytes;

    /// <summary>False: this payload never was the end of a scan.</summary>
    public static bool TryParse(ReadOnlySpan<byte> payload, out ScanEnd end)
    {
        end = default;
        if (payload.Length != PayloadBytes)
        {
            return false;
        }

        end = new ScanEnd(
            BinaryPrimitives.ReadUInt64BigEndian(payload),
            BinaryPrimitives.ReadUInt64BigEndian(payload[8..]),
            BinaryPrimitives.ReadUInt64BigEndian(payload[16..]),
            BinaryPrimitives.ReadUInt64BigEndian(payload[24..]),
            BinaryPrimitives.ReadUInt64BigEndian(payload[32..]),
            BinaryPrimitives.ReadUInt32BigEndian(payload[40..]));
        return true;
    }

    /// <summary>Writes the frame. Returns its length.</summary>
    public int WriteFrame(Span<byte> frame)
    {
        Span<byte> payload = GuestFrameWriter.Payload(frame)[..PayloadBytes];
        payload.Clear();
        BinaryPrimitives.WriteUInt64BigEndian(payload, ScanNumber);
        BinaryPrimitives.WriteUInt64BigEndian(payload[8..], ScannedPages);
        BinaryPrimitives.WriteUInt64BigEndian(payload[16..], FreePages);
        BinaryPrimitives.WriteUInt64BigEndian(payload[24..], CachePages);
        BinaryPrimitives.WriteUInt64BigEndian(payload[32..], ScanMicroseconds);
        BinaryPrimitives.WriteUInt32BigEndian(payload[40..], Slices);
        return GuestFrameWriter.Seal(frame, GuestFrameType.ScanEnd, PayloadBytes);
    }
}
