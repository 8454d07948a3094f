// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;

namespace Hikae.Protocol.Replication;

/// <summary>The payload of records that carry one number, be64: Ack (bytes of memory the replica takes) and Claimed (generation).</summary>
public static class NumberPayload
{
    /// <summary>The payload for a number.</summary>
    public static byte[] Write(long number)
    {
        byte[] payload = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(payload, number);
        return payload;
    }

    /// <summary>False: it is no such payload.</summary>
    public static bool TryRead(ReadOnlySpan<byte> payload, out long number)
    {
        number = 0;
        return payload.Length == sizeof(long) && BinaryPrimitives.TryReadInt64BigEndian(payload, out number);
    }
}
