// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;

namespace Hikae.Protocol.Replication;

/// <summary>Reads the payload of a DeltaPages record: <c>be16 block, be16 count, { be32 page, be16 delta length, be64 check, delta }*</c>.</summary>
/// <remarks>
/// The deltas are not opened here (<see cref="PageDelta.Apply"/> does that), and whether a page lies within its RAM block only the receiver can tell, who knows the block
/// list. Bytes after the last page are found by the call of <see cref="TryRead"/> that returns no page: read until it returns false.
/// </remarks>
public ref struct DeltaPagesReader
{
    /// <summary>Bytes before the first page.</summary>
    public const int HeadBytes = 4;

    /// <summary>Bytes before each page's delta.</summary>
    public const int PageHeadBytes = 14;

    private ReadOnlySpan<byte> _rest;
    private int _remaining;

    /// <summary>Throws <see cref="ReplicationProtocolException"/> when the head is cut or names too many pages.</summary>
    public DeltaPagesReader(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < HeadBytes)
        {
            throw new ReplicationProtocolException($"DeltaPages record of {payload.Length} bytes has no head.");
        }
        Block = BinaryPrimitives.ReadUInt16BigEndian(payload);
        _remaining = BinaryPrimitives.ReadUInt16BigEndian(payload[2..]);
        if (_remaining is 0 or > ReplicationLimits.MaxPagesPerRecord)
        {
            throw new ReplicationProtocolException($"DeltaPages record names {_remaining} pages, allowed are 1 to {ReplicationLimits.MaxPagesPerRecord}.");
        }
        _rest = payload[HeadBytes..];
    }

    /// <summary>Index of the RAM block in the guest's block list.</summary>
    public int Block { get; }

    /// <summary>False after the last page. Throws when the record is cut, has bytes left over, or names a delta above its limit.</summary>
    /// <param name="page">Index of the page within its RAM block.</param>
    /// <param name="check">XXH3-64, seed 0, of the page that the delta makes.</param>
    /// <param name="delta">Against the newest version that was sent of this page.</param>
    public bool TryRead(out uint page, out ulong check, out ReadOnlySpan<byte> delta)
    {
        if (_remaining == 0)
        {
            if (!_rest.IsEmpty)
            {
                throw new ReplicationProtocolException($"DeltaPages record has {_rest.Length} bytes after its last page.");
            }
            page = 0;
            check = 0;
            delta = default;
            return false;
        }
        if (_rest.Length < PageHeadBytes)
        {
            throw new ReplicationProtocolException("DeltaPages record is cut in a page's head.");
        }
        page = BinaryPrimitives.ReadUInt32BigEndian(_rest);
        int length = BinaryPrimitives.ReadUInt16BigEndian(_rest[4..]);
        check = BinaryPrimitives.ReadUInt64BigEndian(_rest[6..]);
        if (length > ReplicationLimits.MaxDeltaBytes || length > _rest.Length - PageHeadBytes)
        {
            throw new ReplicationProtocolException($"DeltaPages record gives page {page} a delta of {length} bytes with {_rest.Length - PageHeadBytes} bytes left.");
        }
        delta = _rest.Slice(PageHeadBytes, length);
        _rest = _rest[(PageHeadBytes + length)..];
        _remaining--;
        return true;
    }
}
