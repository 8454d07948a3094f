// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;

namespace Hikae.Protocol.Guest;

/// <summary>Host to guest: watch for a while which pages of files are read, and say so. An agent that does not know this request does not answer.</summary>
/// <remarks>Payload, 16 bytes: be64 number, be32 milliseconds, be32 reserved (zero, ignored).</remarks>
/// <param name="Number">Strictly rising; answers carry it.</param>
/// <param name="Milliseconds">How long to watch, 1 to <see cref="MaxMilliseconds"/>.</param>
public readonly record struct ReadsRequest(ulong Number, uint Milliseconds)
{
    /// <summary>The agent answers nothing else meanwhile.</summary>
    public const uint MaxMilliseconds = 2000;

    /// <summary>Bytes of payload.</summary>
    public const int PayloadBytes = 16;

    /// <summary>Bytes of the whole frame.</summary>
    public const int FrameBytes = GuestProtocol.HeaderBytes + PayloadBytes;

    /// <summary>False: this payload never was such a request.</summary>
    public static bool TryParse(ReadOnlySpan<byte> payload, out ReadsRequest request)
    {
        request = default;
        if (payload.Length != PayloadBytes || BinaryPrimitives.ReadUInt32BigEndian(payload[8..]) is not (> 0 and <= MaxMilliseconds))
        {
            return false;
        }

        request = new ReadsRequest(BinaryPrimitives.ReadUInt64BigEndian(payload), BinaryPrimitives.ReadUInt32BigEndian(payload[8..]));
        return true;
    }

    /// <summary>Writes the frame. Returns its length.</summary>
    public int WriteFrame(Span<byte> frame)
    {
        Span<byte> payload = GuestFrameWriter.Payload(frame)[..PayloadBytes];
        payload.Clear();
        BinaryPrimitives.WriteUInt64BigEndian(payload, Number);
        BinaryPrimitives.WriteUInt32BigEndian(payload[8..], Milliseconds);
        return GuestFrameWriter.Seal(frame, GuestFrameType.ReadsRequest, PayloadBytes);
    }
}
