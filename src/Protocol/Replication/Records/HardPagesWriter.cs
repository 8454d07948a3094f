// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;

namespace Hikae.Protocol.Replication;

/// <summary>Builds one HardPages payload in a caller's buffer, page by page, without allocating. See <see cref="HardPagesReader"/>.</summary>
public ref struct HardPagesWriter
{
    /// <summary>Bytes a buffer needs so that no page within the limit can overflow it.</summary>
    public const int MaxBytes = HardPagesReader.HeadBytes
        + (ReplicationLimits.MaxPagesPerRecord * (HardPagesReader.PageHeadBytes + ReplicationLimits.PageBytes));

    private readonly Span<byte> _buffer;

    /// <param name="buffer">At least <see cref="MaxBytes"/> bytes.</param>
    /// <param name="block">Index of the RAM block.</param>
    public HardPagesWriter(Span<byte> buffer, int block)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(buffer.Length, MaxBytes);
        _buffer = buffer;
        LengthBytes = HardPagesReader.HeadBytes;
        BinaryPrimitives.WriteUInt16BigEndian(buffer, (ushort)block);
    }

    /// <summary>Pages written so far.</summary>
    public int PageCount { get; private set; }

    /// <summary>Bytes of the payload so far.</summary>
    public int LengthBytes { get; private set; }

    /// <summary>True when the next page does not fit any more by count.</summary>
    public readonly bool IsFull => PageCount == ReplicationLimits.MaxPagesPerRecord;

    /// <summary>Where the next page's stored bytes go: compress into this, then call <see cref="Commit"/>.</summary>
    public readonly Span<byte> NextPage => _buffer.Slice(LengthBytes + HardPagesReader.PageHeadBytes, ReplicationLimits.PageBytes);

    /// <summary>Ends the page whose <paramref name="storedBytes"/> bytes were put into <see cref="NextPage"/>.</summary>
    public void Commit(uint page, int storedBytes)
    {
        BinaryPrimitives.WriteUInt32BigEndian(_buffer[LengthBytes..], page);
        BinaryPrimitives.WriteUInt16BigEndian(_buffer[(LengthBytes + 4)..], (ushort)storedBytes);
        LengthBytes += HardPagesReader.PageHeadBytes + storedBytes;
        PageCount++;
        BinaryPrimitives.WriteUInt16BigEndian(_buffer[2..], (ushort)PageCount);
    }
}
