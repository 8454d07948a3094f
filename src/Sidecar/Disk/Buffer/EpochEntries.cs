// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;

namespace Hikae.Sidecar.Disk.Buffer;

/// <summary>The writes of one sealed epoch, in the order in which the guest made them. While this is not disposed their bytes stay, even when the epoch is dropped.</summary>
/// <remarks>One thread at a time. A long write may come back as several entries.</remarks>
internal sealed class EpochEntries : IDisposable
{
    private readonly EpochBuffer _buffer;
    private readonly BufferFile _file;
    private readonly BufferSegment[] _segments;
    private readonly long _end;
    private int _segment;
    private int _offset;
    private EntryHeader _header;
    private long _dataPosition;
    private bool _isDisposed;

    internal EpochEntries(EpochBuffer buffer, BufferFile file, BufferSegment[] segments, BufferedEpoch epoch)
    {
        _buffer = buffer;
        _file = file;
        _segments = segments;

        // It may begin at the very end of a segment, where there was no room: then these are the ones after it.
        _offset = segments.Length == 0 ? 0 : (int)Math.Max(0, epoch.Start - (segments[0].Chain * file.SegmentBytes));
        _end = epoch.End;
    }

    /// <summary>The one that <see cref="MoveNext"/> has reached.</summary>
    public BufferEntry Current => new(
        (DiskWrite)_header.Kind, _header.Offset, _header.Length, _file.Slice(_dataPosition, (int)_header.DataBytes));

    public bool MoveNext()
    {
        while (_segment < _segments.Length)
        {
            BufferSegment segment = _segments[_segment];
            long address = (segment.Chain * _file.SegmentBytes) + _offset;
            if (address >= _end)
            {
                return false;
            }

            if (_offset >= segment.Used)
            {
                _segment++;
                _offset = 0;
                continue;
            }

            long position = _file.PositionOf(segment.Index) + _offset;
            _header = MemoryMarshal.Read<EntryHeader>(_file.Slice(position, EntryHeader.Bytes));
            _dataPosition = position + EntryHeader.Bytes;
            _offset += _header.EntryBytes;
            if (_header.Kind < EntryHeader.Flush)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>For foreach.</summary>
    public EpochEntries GetEnumerator() => this;

    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            _buffer.Unpin(_segments);
        }
    }
}
