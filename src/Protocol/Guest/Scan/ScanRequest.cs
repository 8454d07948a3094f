// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;

namespace Hikae.Protocol.Guest;

/// <summary>Host to guest: read the flags of these pages and answer under this number.</summary>
/// <remarks>Payload, 32 bytes: be64 scan number, be64 first pfn, be64 pfn count, u8 wanted, 7 reserved (zero, ignored).</remarks>
/// <param name="ScanNumber">Chosen by the host, strictly rising; each answer repeats it.</param>
/// <param name="FirstPfn">First guest page frame number to look at.</param>
/// <param name="PfnCount">How many page frames from there; those that are not memory are passed over.</param>
/// <param name="Wanted">The bitmaps to answer with.</param>
public readonly record struct ScanRequest(ulong ScanNumber, ulong FirstPfn, ulong PfnCount, ScanContents Wanted)
{
    /// <summary>Bytes of payload.</summary>
    public const int PayloadBytes = 32;

    /// <summary>Bytes of the whole frame.</summary>
    public const int FrameBytes = GuestProtocol.HeaderBytes + PayloadBytes;

    /// <summary>False: this payload never was a scan request.</summary>
    public static bool TryParse(ReadOnlySpan<byte> payload, out ScanRequest request)
    {
        request = default;
        if (payload.Length != PayloadBytes)
        {
            return false;
        }

        request = new ScanRequest(
            BinaryPrimitives.ReadUInt64BigEndian(payload),
            BinaryPrimitives.ReadUInt64BigEndian(payload[8..]),
            BinaryPrimitives.ReadUInt64BigEndian(payload[16..]),
            (ScanContents)payload[24]);
        return request.Wanted is > ScanContents.None and <= ScanContents.Both
            && request.PfnCount is > 0 and <= GuestProtocol.MaxPfn
            && request.FirstPfn <= GuestProtocol.MaxPfn - request.PfnCount;
    }

    /// <summary>Writes the frame. Returns its length.</summary>
    public int WriteFrame(Span<byte> frame)
    {
        Span<byte> payload = GuestFrameWriter.Payload(frame)[..PayloadBytes];
        payload.Clear();
        BinaryPrimitives.WriteUInt64BigEndian(payload, ScanNumber);
        BinaryPrimitives.WriteUInt64BigEndian(payload[8..], FirstPfn);
        BinaryPrimitives.WriteUInt64BigEndian(payload[16..], PfnCount);
        payload[24] = (byte)Wanted;
        return GuestFrameWriter.Seal(frame, GuestFrameType.ScanRequest, PayloadBytes);
    }
}
