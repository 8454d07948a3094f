// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;

namespace Hikae.Protocol.Replication;

/// <summary>
/// Writes the payload of a DiskWrites record: <c>be16 disk, u8 flags, u8 0, { u8 kind, 3 × u8 0, be32 data length, be64 offset, be64 length, data }*</c>.
/// Flag 1: the guest flushed in this epoch.
/// </summary>
public ref struct DiskWritesWriter
{
    internal const int HeadBytes = 4;
    internal const int EntryBytes = 24;
    internal const byte FlushFlag = 1;

    private readonly Span<byte> _destination;

    /// <param name="destination">At least <see cref="ReplicationLimits.MaxDiskWritesBytes"/> bytes.</param>
    /// <param name="disk">Index in the guest's <see cref="DiskList"/>.</param>
    /// <param name="holdsFlush">The guest flushed in this epoch.</param>
    public DiskWritesWriter(Span<byte> destination, int disk, bool holdsFlush)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)disk, ReplicationLimits.MaxDisks - 1u, nameof(disk));
        _destination = destination;
        BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)disk);
        destination[2] = holdsFlush ? FlushFlag : (byte)0;
        destination[3] = 0;
        LengthBytes = HeadBytes;
    }

    /// <summary>Bytes written.</summary>
    public int LengthBytes { get; private set; }

    /// <summary>No entry yet.</summary>
    public readonly bool IsEmpty => LengthBytes == HeadBytes;

    /// <summary>Bytes of data that still fit into an entry.</summary>
    public readonly int Room => ReplicationLimits.MaxDiskWritesBytes - LengthBytes - EntryBytes;

    /// <summary>Adds one entry; <paramref name="data"/> is at most <see cref="Room"/> bytes.</summary>
    /// <param name="kind">The number of what the guest did.</param>
    /// <param name="offset">First byte on the disk.</param>
    /// <param name="length">Bytes on the disk.</param>
    /// <param name="data">All of them, or nothing for an operation that needs none.</param>
    public void Add(byte kind, long offset, long length, ReadOnlySpan<byte> data)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(data.Length, Room, nameof(data));
        Span<byte> head = _destination.Slice(LengthBytes, EntryBytes);
        head.Clear();
        head[0] = kind;
        BinaryPrimitives.WriteInt32BigEndian(head[4..], data.Length);
        BinaryPrimitives.WriteInt64BigEndian(head[8..], offset);
        BinaryPrimitives.WriteInt64BigEndian(head[16..], length);
        data.CopyTo(_destination[(LengthBytes + EntryBytes)..]);
        LengthBytes += EntryBytes + data.Length;
    }
}
