// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;

namespace Hikae.Protocol.Replication;

/// <summary>
/// Reads the payload of a HardPages record: <c>be16 block, be16 count, { be32 page, be16 stored length, bytes }*</c>.
/// Stored length 4096 is a raw page; anything shorter is one zstd frame that gives exactly one page.
/// </summary>
/// <remarks>
/// The frames are not opened here, and whether a page lies within its RAM block only the receiver can tell, who knows the block list.
/// Bytes after the last page are found by the call of <see cref="TryRead"/> that returns no page: read until it returns false.
/// </remarks>
public ref struct HardPagesReader
{
    /// <summary>Bytes before the first page.</summary>
    public const int HeadBytes = 4;

    /// <summary>Bytes before each page's stored bytes.</summary>
    public const int PageHeadBytes = 6;

    private ReadOnlySpan<byte> _rest;
    private int _remaining;

    /// <summary>Throws <see cref="ReplicationProtocolException"/> when the head is cut or names too many pages.</summary>
    public HardPagesReader(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < HeadBytes)
        {
            throw new ReplicationProtocolException($"HardPages record of {payload.Length} bytes has no head.");
        }
        Block = BinaryPrimitives.ReadUInt16BigEndian(payload);
        _remaining = BinaryPrimitives.ReadUInt16BigEndian(payload[2..]);
        if (_remaining is 0 or > ReplicationLimits.MaxPagesPerRecord)
        {
            throw new ReplicationProtocolException($"HardPages record names {_remaining} pages, allowed are 1 to {ReplicationLimits.MaxPagesPerRecord}.");
        }
        _rest = payload[HeadBytes..];
    }

    /// <summary>Index of the RAM block in the guest's block list.</summary>
    public int Block { get; }

    /// <summary>False after the last page. Throws when the record is cut, has bytes left over, or names a length of 0 or above a page.</summary>
    public bool TryRead(out uint page, out ReadOnlySpan<byte> stored)
    {
        if (_remaining == 0)
        {
            if (!_rest.IsEmpty)
            {
                throw new ReplicationProtocolException($"HardPages record has {_rest.Length} bytes after its last page.");
            }
            page = 0;
            stored = default;
            return false;
        }
        if (_rest.Length < PageHeadBytes)
        {
            throw new ReplicationProtocolException("HardPages record is cut in a page's head.");
        }
        page = BinaryPrimitives.ReadUInt32BigEndian(_rest);
        int length = BinaryPrimitives.ReadUInt16BigEndian(_rest[4..]);
        if (length is 0 or > ReplicationLimits.PageBytes || _rest.Length - PageHeadBytes < length)
        {
            throw new ReplicationProtocolException($"HardPages record gives page {page} a stored length of {length} with {_rest.Length - PageHeadBytes} bytes left.");
        }
        stored = _rest.Slice(PageHeadBytes, length);
        _rest = _rest[(PageHeadBytes + length)..];
        _remaining--;
        return true;
    }
}
