// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Text;
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.Recovery.Stream;

/// <summary>Reads what a postcopy destination says: <c>be16 type, be16 length, payload</c>, one message at a time.</summary>
internal ref struct ReturnPathReader(ReadOnlySpan<byte> buffered)
{
    /// <summary>The longest message we accept: a page request with a block name of 255 bytes.</summary>
    internal const int MaxMessageBytes = HeadBytes + RequestBytes + 1 + ReplicationLimits.MaxBlockNameBytes;

    private const int HeadBytes = 4;
    private const int RequestBytes = 12;

    private readonly ReadOnlySpan<byte> _buffered = buffered;

    /// <summary>Bytes of the messages read so far.</summary>
    internal int Consumed { get; private set; }

    /// <summary>False: the message is not whole yet. Throws: it never will be one we know.</summary>
    internal bool TryRead(out ReturnPathMessage message)
    {
        message = default;
        ReadOnlySpan<byte> rest = _buffered[Consumed..];
        if (rest.Length < HeadBytes)
        {
            return false;
        }
        ushort type = BinaryPrimitives.ReadUInt16BigEndian(rest);
        int length = BinaryPrimitives.ReadUInt16BigEndian(rest[2..]);
        CheckLength(type, length);
        rest = rest[HeadBytes..];
        if (rest.Length < length)
        {
            return false;
        }
        message = Parse(type, rest[..length]);
        Consumed += HeadBytes + length;
        return true;
    }

    private static void CheckLength(ushort type, int length)
    {
        bool fits = type switch
        {
            QemuMigration.MIG_RP_MSG_SHUT or QemuMigration.MIG_RP_MSG_PONG => length == sizeof(uint),
            QemuMigration.MIG_RP_MSG_REQ_PAGES => length == RequestBytes,
            QemuMigration.MIG_RP_MSG_REQ_PAGES_ID => length is > RequestBytes + 1 and <= RequestBytes + 1 + ReplicationLimits.MaxBlockNameBytes,
            QemuMigration.MIG_RP_MSG_SWITCHOVER_ACK => length == 0,
            _ => false,
        };
        if (!fits)
        {
            throw new MigrationStreamException($"QEMU's return path has a message of type {type} with {length} bytes, which is none we asked for.");
        }
    }

    private static ReturnPathMessage Parse(ushort type, ReadOnlySpan<byte> payload)
    {
        switch (type)
        {
            case QemuMigration.MIG_RP_MSG_REQ_PAGES:
            case QemuMigration.MIG_RP_MSG_REQ_PAGES_ID:
                string? block = null;
                if (type == QemuMigration.MIG_RP_MSG_REQ_PAGES_ID)
                {
                    ReadOnlySpan<byte> name = payload[(RequestBytes + 1)..];
                    if (payload[RequestBytes] != name.Length)
                    {
                        throw new MigrationStreamException($"QEMU's page request has a block name of {payload[RequestBytes]} bytes in {name.Length}.");
                    }
                    block = Encoding.UTF8.GetString(name);
                }
                return new ReturnPathMessage(
                    type, BinaryPrimitives.ReadUInt32BigEndian(payload[sizeof(ulong)..]), BinaryPrimitives.ReadUInt64BigEndian(payload), block);
            case QemuMigration.MIG_RP_MSG_SWITCHOVER_ACK:
                return new ReturnPathMessage(type, 0, 0, null);
            default:
                return new ReturnPathMessage(type, BinaryPrimitives.ReadUInt32BigEndian(payload), 0, null);
        }
    }
}
