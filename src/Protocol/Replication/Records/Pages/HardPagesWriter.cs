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

    /// <summary>Starts a payload without pages.</summary>
    /// <param name="buffer">At least <see cref="MaxBytes"/> bytes.</param>
    /// <param name="block">Index of the RAM block in the guest's block list.</param>
    public HardPagesWriter(Span<byte> buffer, int block)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(buffer.Length, MaxBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)block, ReplicationLimits.MaxBlocks - 1u, nameof(block));
        _buffer = buffer;
        LengthBytes = HardPagesReader.HeadBytes;
        BinaryPrimitives.WriteUInt16BigEndian(buffer, (ushort)block);
        BinaryPrimitives.WriteUInt16BigEndian(buffer[2..], 0);
    }

    /// <summary>Pages written so far.</summary>
    public int PageCount { get; private set; }

    /// <summary>Bytes of the payload so far.</summary>
    public int LengthBytes { get; private set; }

    /// <summary>True when the next page does not fit any more by count.</summary>
    public readonly bool IsFull => PageCount == ReplicationLimits.MaxPagesPerRecord;

    /// <summary>Where the next page's stored bytes go: compress into this, then call <see cref="Commit"/>. Not to be asked for when <see cref="IsFull"/>.</summary>
    public readonly Span<byte> NextPage => _buffer.Slice(LengthBytes + HardPagesReader.PageHeadBytes, ReplicationLimits.PageBytes);

    /// <summary>True while there is no page, and so nothing that may be sent.</summary>
    public readonly bool IsEmpty => PageCount == 0;

    /// <summary>Ends the page whose <paramref name="storedBytes"/> bytes were put into <see cref="NextPage"/>.</summary>
    /// <param name="page">Index of the page within its RAM block.</param>
    /// <param name="storedBytes">1 to 4096; 4096 says that the page is raw, so a frame must be shorter.</param>
    public void Commit(uint page, int storedBytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(PageCount, ReplicationLimits.MaxPagesPerRecord);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(storedBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(storedBytes, ReplicationLimits.PageBytes);
        BinaryPrimitives.WriteUInt32BigEndian(_buffer[LengthBytes..], page);
        BinaryPrimitives.WriteUInt16BigEndian(_buffer[(LengthBytes + 4)..], (ushort)storedBytes);
        LengthBytes += HardPagesReader.PageHeadBytes + storedBytes;
        PageCount++;
        BinaryPrimitives.WriteUInt16BigEndian(_buffer[2..], (ushort)PageCount);
    }
}
