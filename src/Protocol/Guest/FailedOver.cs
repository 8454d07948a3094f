// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;

namespace Hikae.Protocol.Guest;

/// <summary>Host to guest: the host you ran on is gone, you were continued from a checkpoint on this one.</summary>
/// <remarks>Payload, 8 bytes: be64 generation.</remarks>
/// <param name="Generation">How many failovers this guest has been through; the agent acts once on each.</param>
public readonly record struct FailedOver(ulong Generation)
{
    /// <summary>Bytes of payload.</summary>
    public const int PayloadBytes = 8;

    /// <summary>Bytes of the whole frame.</summary>
    public const int FrameBytes = GuestProtocol.HeaderBytes + PayloadBytes;

    /// <summary>False: this payload never was a failover notice.</summary>
    public static bool TryParse(ReadOnlySpan<byte> payload, out FailedOver notice)
    {
        notice = default;
        if (payload.Length != PayloadBytes)
        {
            return false;
        }

        notice = new FailedOver(BinaryPrimitives.ReadUInt64BigEndian(payload));
        return true;
    }

    /// <summary>Writes the frame. Returns its length.</summary>
    public int WriteFrame(Span<byte> frame)
    {
        BinaryPrimitives.WriteUInt64BigEndian(GuestFrameWriter.Payload(frame), Generation);
        return GuestFrameWriter.Seal(frame, GuestFrameType.FailedOver, PayloadBytes);
    }
}
