// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;

namespace Hikae.Protocol.Replication;

/// <summary>Builds DeltaPages payloads one after the other in a buffer of its own, page by page, without allocating. See <see cref="DeltaPagesReader"/>.</summary>
public sealed class DeltaPagesWriter
{
    /// <summary>Bytes of the longest payload.</summary>
    public const int MaxBytes = DeltaPagesReader.HeadBytes
        + (ReplicationLimits.MaxPagesPerRecord * (DeltaPagesReader.PageHeadBytes + ReplicationLimits.MaxDeltaBytes));

    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(MaxBytes);
    private int _lengthBytes = DeltaPagesReader.HeadBytes;

    /// <summary>Pages written so far.</summary>
    public int PageCount { get; private set; }

    /// <summary>True when the next page does not fit any more by count.</summary>
    public bool IsFull => PageCount == ReplicationLimits.MaxPagesPerRecord;

    /// <summary>Where the next page's delta goes: write it there, then call <see cref="Commit"/>. Not to be asked for when <see cref="IsFull"/>.</summary>
    public Span<byte> NextDelta => _buffer.AsSpan(_lengthBytes + DeltaPagesReader.PageHeadBytes, ReplicationLimits.MaxDeltaBytes);

    /// <summary>Ends the page whose delta was put into <see cref="NextDelta"/>.</summary>
    /// <param name="page">Index of the page within its RAM block.</param>
    /// <param name="check">XXH3-64, seed 0, of the page that the delta makes.</param>
    /// <param name="deltaBytes">0 to <see cref="ReplicationLimits.MaxDeltaBytes"/>.</param>
    public void Commit(uint page, ulong check, int deltaBytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(PageCount, ReplicationLimits.MaxPagesPerRecord);
        ArgumentOutOfRangeException.ThrowIfNegative(deltaBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(deltaBytes, ReplicationLimits.MaxDeltaBytes);
        Span<byte> head = _buffer.AsSpan(_lengthBytes, DeltaPagesReader.PageHeadBytes);
        BinaryPrimitives.WriteUInt32BigEndian(head, page);
        BinaryPrimitives.WriteUInt16BigEndian(head[4..], (ushort)deltaBytes);
        BinaryPrimitives.WriteUInt64BigEndian(head[6..], check);
        _lengthBytes += DeltaPagesReader.PageHeadBytes + deltaBytes;
        PageCount++;
    }

    /// <summary>The payload of all pages since the last call; valid until the next <see cref="Commit"/>. There must be one.</summary>
    /// <param name="block">Index of their RAM block in the guest's block list.</param>
    public ReadOnlySpan<byte> Take(int block)
    {
        ArgumentOutOfRangeException.ThrowIfZero(PageCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)block, ReplicationLimits.MaxBlocks - 1u, nameof(block));
        BinaryPrimitives.WriteUInt16BigEndian(_buffer, (ushort)block);
        BinaryPrimitives.WriteUInt16BigEndian(_buffer.AsSpan(2), (ushort)PageCount);
        ReadOnlySpan<byte> payload = _buffer.AsSpan(0, _lengthBytes);
        (PageCount, _lengthBytes) = (0, DeltaPagesReader.HeadBytes);
        return payload;
    }
}
