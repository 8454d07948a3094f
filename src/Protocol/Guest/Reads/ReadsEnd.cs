// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;

namespace Hikae.Protocol.Guest;

/// <summary>Guest to host: every answer to a <see cref="ReadsRequest"/> has been sent, or none can be given.</summary>
/// <remarks>Payload: be64 number, be32 answer frames sent, be32 reserved (zero, ignored), text (be16 length, UTF-8).</remarks>
public sealed class ReadsEnd
{
    /// <summary>Longest reason, bytes of UTF-8.</summary>
    public const int MaxWhyNotBytes = 512;

    /// <summary>No such frame is longer.</summary>
    public const int MaxFrameBytes = GuestProtocol.HeaderBytes + FixedBytes + 2 + MaxWhyNotBytes;

    private const int FixedBytes = 16;

    /// <summary>The request's.</summary>
    public required ulong Number { get; init; }

    /// <summary>Answer frames sent; a host that got fewer discards them.</summary>
    public required uint Answers { get; init; }

    /// <summary>Why it cannot be told what is read; empty when it can.</summary>
    public required string WhyNot { get; init; }

    /// <summary>False: this payload never was such an end. Control characters in the text become '?'.</summary>
    public static bool TryParse(ReadOnlySpan<byte> payload, out ReadsEnd? end)
    {
        end = null;
        if (payload.Length < FixedBytes)
        {
            return false;
        }

        ReadOnlySpan<byte> rest = payload[FixedBytes..];
        if (!GuestText.TryRead(ref rest, MaxWhyNotBytes, out string whyNot) || !rest.IsEmpty)
        {
            return false;
        }

        end = new ReadsEnd
        {
            Number = BinaryPrimitives.ReadUInt64BigEndian(payload),
            Answers = BinaryPrimitives.ReadUInt32BigEndian(payload[8..]),
            WhyNot = whyNot,
        };
        return true;
    }

    /// <summary>Writes the frame, the text cut to its limit. Returns its length.</summary>
    public int WriteFrame(Span<byte> frame)
    {
        Span<byte> payload = GuestFrameWriter.Payload(frame);
        payload[..FixedBytes].Clear();
        BinaryPrimitives.WriteUInt64BigEndian(payload, Number);
        BinaryPrimitives.WriteUInt32BigEndian(payload[8..], Answers);
        return GuestFrameWriter.Seal(frame, GuestFrameType.ReadsEnd, FixedBytes + GuestText.Write(payload[FixedBytes..], WhyNot, MaxWhyNotBytes));
    }
}
