// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;

namespace Hikae.Protocol.Replication;

/// <summary>
/// What an epoch consisted of, counted by its sender, the payload of EpochEnd: <c>be32 records, be64 hard pages, be64 soft pages, be64 device state bytes</c>.
/// A receiver that counted otherwise has a torn epoch: it discards all of it, sends no Ack and ends the link.
/// </summary>
/// <param name="Records">Records between EpochBegin and EpochEnd, neither included, heartbeats not counted.</param>
/// <param name="HardPages">Pages in HardPages records; a page sent twice counts twice.</param>
/// <param name="SoftPages">Pages in SoftPages and DiskPages runs.</param>
/// <param name="DeviceStateBytes">Bytes in DeviceState records.</param>
public readonly record struct EpochTotals(uint Records, ulong HardPages, ulong SoftPages, ulong DeviceStateBytes)
{
    /// <summary>Bytes on the wire.</summary>
    public const int Bytes = 28;

    /// <summary>Writes the 28 bytes.</summary>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32BigEndian(destination, Records);
        BinaryPrimitives.WriteUInt64BigEndian(destination[4..], HardPages);
        BinaryPrimitives.WriteUInt64BigEndian(destination[12..], SoftPages);
        BinaryPrimitives.WriteUInt64BigEndian(destination[20..], DeviceStateBytes);
    }

    /// <summary>Reads exactly 28 bytes, or throws.</summary>
    public static EpochTotals Read(ReadOnlySpan<byte> payload)
    {
        if (payload.Length != Bytes)
        {
            throw new ReplicationProtocolException($"EpochEnd record has {payload.Length} bytes, it must have {Bytes}.");
        }
        return new EpochTotals(
            BinaryPrimitives.ReadUInt32BigEndian(payload),
            BinaryPrimitives.ReadUInt64BigEndian(payload[4..]),
            BinaryPrimitives.ReadUInt64BigEndian(payload[12..]),
            BinaryPrimitives.ReadUInt64BigEndian(payload[20..]));
    }
}
