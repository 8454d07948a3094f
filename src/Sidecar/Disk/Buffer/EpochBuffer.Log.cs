// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;

namespace Hikae.Sidecar.Disk.Buffer;

// The log: entries behind each other, in segments behind each other. All of it under _gate.
internal sealed partial class EpochBuffer
{
    private long EndAddress => _segments.Count == 0 ? _nextChain * _file.SegmentBytes : AddressOf(_segments[^1], _segments[^1].Used);

    private static void Forget(BufferFile file)
    {
        for (int i = 0; i < file.SegmentCount; i++)
        {
            Volatile.Write(ref file.Chain(i), 0);
        }

        file.CommittedThrough = 0;
        file.DroppedThrough = 0;
    }

    private long AddressOf(BufferSegment segment, int offset) => (segment.Chain * _file.SegmentBytes) + offset;

    private int TailRoom() => _segments.Count == 0 ? 0 : _file.SegmentBytes - _segments[^1].Used;

    // How much of the data goes into the next entry: all, or what fits into the last segment if that is worth an entry, or a segment's full.
    private int PieceOf(int dataLength)
    {
        int fits = TailRoom() - EntryHeader.Bytes - (sizeof(ulong) - 1);
        return fits >= dataLength ? dataLength
            : fits >= BufferLimits.MinPieceBytes ? fits & ~(BufferLimits.MinPieceBytes - 1)
            : Math.Min(dataLength, _file.SegmentBytes - BufferLimits.MinPieceBytes);
    }

    private void Append(uint kind, long offset, long length, ReadOnlySpan<byte> data)
    {
        var header = new EntryHeader { Kind = kind, DataBytes = (uint)data.Length, Offset = offset, Length = length };
        int bytes = header.EntryBytes;
        if (TailRoom() < bytes)
        {
            AddSegment();
        }

        BufferSegment tail = _segments[^1];
        long address = AddressOf(tail, tail.Used);
        long position = _file.PositionOf(tail.Index) + tail.Used;
        Span<byte> entry = _file.Slice(position, bytes);
        data.CopyTo(entry[EntryHeader.Bytes..]);
        header.Sign(data, address);
        MemoryMarshal.Write(entry, header);
        Publish(tail, tail.Used + bytes);
        Count(header, address, position + EntryHeader.Bytes);
    }

    private void AddSegment()
    {
        if (!_pool.TryReserve(1))
        {
            throw new IOException("no memory left for the end of an epoch");
        }

        int index = _pool.Take();
        _file.Used(index) = 0;
        Volatile.Write(ref _file.Chain(index), (ulong)_nextChain);
        _segments.Add(new BufferSegment(index, _nextChain));
        _nextChain++;
        if (_open.Bytes == 0)
        {
            _open = _open with { Start = EndAddress };
        }
    }

    private void Publish(BufferSegment segment, int used)
    {
        segment.Used = used;
        Volatile.Write(ref _file.Used(segment.Index), (ulong)used);
    }

    private void Count(in EntryHeader header, long address, long dataPosition)
    {
        bool isWrite = header.Kind < EntryHeader.Flush;
        _usedBytes += header.EntryBytes;
        _open = _open with
        {
            Bytes = _open.Bytes + header.EntryBytes,
            HoldsWrites = _open.HoldsWrites || isWrite,
            HoldsFlush = _open.HoldsFlush || header.Kind == EntryHeader.Flush,
        };
        if (isWrite)
        {
            _index.Put(new OverlayInterval(header.Offset, header.Offset + header.Length, (DiskWrite)header.Kind, dataPosition, address));
        }
    }

    private void CloseEpoch(ulong epoch)
    {
        _epochs.Add(_open with { Number = epoch, End = EndAddress });
        LastSealed = epoch;
        _open = new BufferedEpoch(0, EndAddress, EndAddress, 0, false, false);
    }

    private void Recover(in EntryHeader header, long address, long dataPosition)
    {
        if (header.Kind != EntryHeader.Seal)
        {
            Count(header, address, dataPosition);
            return;
        }

        Count(header, address, dataPosition);
        long end = address + header.EntryBytes;
        if ((ulong)header.Offset <= LastDropped)
        {
            _index.ForgetBefore(end);
            _usedBytes -= _open.Bytes;
        }
        else
        {
            _epochs.Add(_open with { Number = (ulong)header.Offset, End = end });
            LastSealed = (ulong)header.Offset;
        }

        _open = new BufferedEpoch(0, end, end, 0, false, false);
    }

    // What the discarded writes had covered is visible again.
    private void Reindex()
    {
        _index.Clear();
        if (_epochs.Count == 0)
        {
            return;
        }

        long start = _epochs[0].Start;
        BufferRecovery.ForEach(_file, _segments, (in EntryHeader header, long address, long dataPosition) =>
        {
            if (address >= start && header.Kind < EntryHeader.Flush)
            {
                _index.Put(new OverlayInterval(header.Offset, header.Offset + header.Length, (DiskWrite)header.Kind, dataPosition, address));
            }
        });
    }

    // Oldest first, so that a process killed in between leaves no gap.
    private void FreeBefore(long address)
    {
        int freed = 0;
        while (freed < _segments.Count && AddressOf(_segments[freed], _segments[freed].Used) <= address)
        {
            // The last one goes only when it is of no use for the next entry.
            if (freed == _segments.Count - 1 && TailRoom() > _file.SegmentBytes / 2)
            {
                break;
            }

            Free(_segments[freed]);
            freed++;
        }

        _segments.RemoveRange(0, freed);
    }

    private void FreeNewest()
    {
        // Its place is taken by the next one, so that the chain has no gap.
        _nextChain = _segments[^1].Chain;
        Free(_segments[^1]);
        _segments.RemoveAt(_segments.Count - 1);
    }

    private void Free(BufferSegment segment)
    {
        Volatile.Write(ref _file.Chain(segment.Index), 0);
        segment.IsDropped = true;
        if (segment.Pins == 0)
        {
            _pool.Return(segment.Index);
        }
    }
}
