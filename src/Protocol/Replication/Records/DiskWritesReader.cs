// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;

namespace Hikae.Protocol.Replication;

/// <summary>Reads the payload that <see cref="DiskWritesWriter"/> wrote. Throws <see cref="ReplicationProtocolException"/> on anything else.</summary>
public ref struct DiskWritesReader
{
    private ReadOnlySpan<byte> _rest;

    /// <summary>Reads the head.</summary>
    public DiskWritesReader(ReadOnlySpan<byte> payload)
    {
        if (payload.Length is < DiskWritesWriter.HeadBytes or > ReplicationLimits.MaxDiskWritesBytes)
        {
            throw new ReplicationProtocolException($"DiskWrites record of {payload.Length} bytes.");
        }
        Disk = BinaryPrimitives.ReadUInt16BigEndian(payload);
        HoldsFlush = (payload[2] & DiskWritesWriter.FlushFlag) != 0;
        _rest = payload[DiskWritesWriter.HeadBytes..];
    }

    /// <summary>Index in the guest's <see cref="DiskList"/>; only the receiver knows whether there is one.</summary>
    public int Disk { get; }

    /// <summary>The guest flushed in this epoch.</summary>
    public bool HoldsFlush { get; }

    /// <summary>Reads the next entry; false at the end. What a kind means, and whether it has data, is for the receiver to check.</summary>
    public bool TryRead(out byte kind, out long offset, out long length, out ReadOnlySpan<byte> data)
    {
        kind = 0;
        offset = length = 0;
        data = default;
        if (_rest.IsEmpty)
        {
            return false;
        }
        if (_rest.Length < DiskWritesWriter.EntryBytes)
        {
            throw new ReplicationProtocolException($"DiskWrites record ends with {_rest.Length} bytes of an entry.");
        }
        kind = _rest[0];
        int dataLength = BinaryPrimitives.ReadInt32BigEndian(_rest[4..]);
        offset = BinaryPrimitives.ReadInt64BigEndian(_rest[8..]);
        length = BinaryPrimitives.ReadInt64BigEndian(_rest[16..]);
        if (offset < 0 || length <= 0 || length > ReplicationLimits.MaxDiskBytes - offset)
        {
            throw new ReplicationProtocolException($"DiskWrites record has an entry of {length} bytes at {offset}.");
        }
        if (dataLength < 0 || dataLength > _rest.Length - DiskWritesWriter.EntryBytes || (dataLength != 0 && dataLength != length))
        {
            throw new ReplicationProtocolException($"DiskWrites record has an entry with {dataLength} bytes of data for {length}.");
        }
        data = _rest.Slice(DiskWritesWriter.EntryBytes, dataLength);
        _rest = _rest[(DiskWritesWriter.EntryBytes + dataLength)..];
        return true;
    }
}
