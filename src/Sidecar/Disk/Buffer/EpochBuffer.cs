// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;

namespace Hikae.Sidecar.Disk.Buffer;

/// <summary>A bounded log of disk writes in a tmpfs file, cut into epochs, with an index of what it holds of the disk.</summary>
/// <remarks>
/// Theory of operation. The log is a chain of segments. An entry is copied behind the last one, and then published by one store of the
/// segment's new length; so whatever a process was doing when it was killed, its successor finds exactly what had been published, which is
/// all that a guest was told is done. The end of an epoch, and that it holds a FLUSH, are entries of the log, too. Dropped epochs free
/// their segments, and the segment freed last is filled next. See BufferFile for the layout and its order of stores.
///
/// Any thread may call. One lock guards everything; it is held while bytes are copied, never while something is waited for. The bytes of a
/// sealed epoch do not change, so <see cref="EpochEntries"/> reads them without the lock and only keeps its segments from being reused.
/// </remarks>
internal sealed class EpochBuffer : IDisposable
{
    // set once
    private readonly BufferFile _file;
    private readonly SegmentPool _pool;

    // guarded by _gate
    private readonly Lock _gate = new();
    private readonly List<BufferSegment> _segments;
    private readonly List<BufferedEpoch> _epochs = [];
    private readonly OverlayIndex _index = new();
    private BufferedEpoch _open;
    private long _nextChain;
    private long _usedBytes;
    private bool _isDisposed;

    private EpochBuffer(BufferFile file, long maxBytes, TimeProvider clock)
    {
        _file = file;
        MaxBytes = maxBytes;
        if (file.DroppedThrough == BufferFile.Everything)
        {
            Forget(file);
        }

        _segments = BufferRecovery.Segments(file);
        _nextChain = _segments.Count == 0 ? 1 : _segments[^1].Chain + 1;
        LastCommitted = file.CommittedThrough;
        LastDropped = LastSealed = file.DroppedThrough;
        long start = _segments.Count == 0 ? EndAddress : AddressOf(_segments[0], 0);
        _open = new BufferedEpoch(0, start, start, 0, false, false);
        BufferRecovery.ForEach(file, _segments, Recover);
        _open = _open with { End = EndAddress };
        _pool = new SegmentPool(file, _segments, clock);
        FreeBefore(_epochs.Count > 0 ? _epochs[0].Start : _open.Start);
        if (!_pool.TryReserve(1))
        {
            throw new IOException("no memory left for a buffer");
        }
    }

    /// <summary>From half of it on a checkpoint is wanted; beyond it writers are slowed down. Beyond it there is only the reserve.</summary>
    public long MaxBytes { get; }

    /// <summary>Bytes in use, headers included.</summary>
    public long UsedBytes => Volatile.Read(ref _usedBytes);

    /// <summary>Bytes of the open epoch's entries, headers included.</summary>
    public long OpenEpochBytes
    {
        get
        {
            lock (_gate)
            {
                return _open.Bytes;
            }
        }
    }

    /// <summary>0 = none since the buffer was last cleared.</summary>
    public ulong LastSealed { get; private set; }

    /// <summary>0 = none since the buffer was last cleared.</summary>
    public ulong LastCommitted { get; private set; }

    /// <summary>0 = none since the buffer was last cleared.</summary>
    public ulong LastDropped { get; private set; }

    /// <summary>No write in it, sealed or not.</summary>
    public bool IsEmpty
    {
        get
        {
            lock (_gate)
            {
                return !_open.HoldsWrites && !_epochs.Exists(epoch => epoch.HoldsWrites);
            }
        }
    }

    /// <summary>Number of stretches of the disk whose newest content is here.</summary>
    public int IntervalCount
    {
        get
        {
            lock (_gate)
            {
                return _index.Count;
            }
        }
    }

    /// <summary>Creates the file, or takes over what a killed process left in it.</summary>
    /// <param name="path">On tmpfs.</param>
    /// <param name="maxBytes">See <see cref="MaxBytes"/>. A file that exists keeps its size, but this bound counts.</param>
    /// <param name="reserveBytes">Room beyond the bound.</param>
    /// <param name="clock">For giving idle memory back.</param>
    /// <exception cref="DamagedBufferException">It is one of ours, and what it published cannot be read.</exception>
    public static EpochBuffer Open(string path, long maxBytes, long reserveBytes = BufferLimits.DefaultReserveBytes, TimeProvider? clock = null)
    {
        BufferFile file = BufferFile.Open(path, maxBytes, reserveBytes);
        try
        {
            return new EpochBuffer(file, maxBytes, clock ?? TimeProvider.System);
        }
        catch (DamagedBufferException damage)
        {
            file.Dispose();
            throw new DamagedBufferException($"{path}: {damage.Message}");
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>To the open epoch.</summary>
    /// <param name="kind">What the guest did.</param>
    /// <param name="offset">First byte on the disk.</param>
    /// <param name="length">Number of bytes on the disk; not 0.</param>
    /// <param name="data"><paramref name="length"/> bytes for a Write, else empty.</param>
    /// <returns>False: no room, not even in the reserve. Nothing was appended.</returns>
    public bool TryAppend(DiskWrite kind, long offset, long length, ReadOnlySpan<byte> data)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        if (data.Length != (kind is DiskWrite.Write ? length : 0))
        {
            throw new ArgumentException($"{data.Length} bytes of data for {kind} of {length} bytes.");
        }

        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);

            // One segment more than needed, so that a seal always finds room.
            int payload = _file.SegmentBytes - EntryHeader.Bytes - BufferLimits.MinPieceBytes;
            int needed = 2 + (Math.Max(0, data.Length - TailRoom()) / payload);
            if (!_pool.TryReserve(needed))
            {
                return false;
            }

            do
            {
                int piece = PieceOf(data.Length);
                long covered = kind is DiskWrite.Write ? piece : length;
                Append((uint)kind, offset, covered, data[..piece]);
                offset += covered;
                data = data[piece..];
            }
            while (data.Length > 0);
            return true;
        }
    }

    /// <summary>The open epoch holds a FLUSH.</summary>
    public void MarkFlush()
    {
        lock (_gate)
        {
            if (!_open.HoldsFlush)
            {
                Append(EntryHeader.Flush, 0, 0, []);
            }
        }
    }

    /// <summary>The open epoch becomes <paramref name="epoch"/>, which is greater than any before it since the buffer was last cleared.</summary>
    /// <returns>It holds a FLUSH.</returns>
    public bool Seal(ulong epoch)
    {
        lock (_gate)
        {
            if (epoch <= LastSealed || epoch == BufferFile.Everything)
            {
                throw new ArgumentOutOfRangeException(nameof(epoch), $"Epoch {epoch} cannot follow {LastSealed}.");
            }

            bool flush = _open.HoldsFlush;
            Append(EntryHeader.Seal, (long)epoch, 0, []);
            CloseEpoch(epoch);
            return flush;
        }
    }

    /// <summary>Remembered in the file, for a successor. Never goes back.</summary>
    public void CommitThrough(ulong epoch)
    {
        lock (_gate)
        {
            if (epoch > LastCommitted)
            {
                LastCommitted = epoch;
                _file.CommittedThrough = epoch;
            }
        }
    }

    /// <summary>Forgets the open epoch (a torn one on the backup).</summary>
    public void DiscardOpen()
    {
        lock (_gate)
        {
            // Newest first, so that a process killed in between leaves the beginning of the epoch, and no gap.
            while (_segments.Count > 0 && AddressOf(_segments[^1], 0) >= _open.Start)
            {
                FreeNewest();
            }

            if (_segments.Count > 0 && AddressOf(_segments[^1], _segments[^1].Used) > _open.Start)
            {
                Publish(_segments[^1], (int)(_open.Start - AddressOf(_segments[^1], 0)));
            }

            _usedBytes -= _open.Bytes;
            _open = new BufferedEpoch(0, EndAddress, EndAddress, 0, false, false);
            Reindex();
        }
    }

    /// <summary>Forgets everything through <paramref name="epoch"/>, sealed before; its space is used again.</summary>
    public void DropThrough(ulong epoch)
    {
        lock (_gate)
        {
            int dropped = 0;
            while (dropped < _epochs.Count && _epochs[dropped].Number <= epoch)
            {
                _usedBytes -= _epochs[dropped].Bytes;
                dropped++;
            }

            if (dropped == 0)
            {
                return;
            }

            LastDropped = _epochs[dropped - 1].Number;
            _file.DroppedThrough = LastDropped;
            _epochs.RemoveRange(0, dropped);
            long start = _epochs.Count > 0 ? _epochs[0].Start : _open.Start;
            _index.ForgetBefore(start);
            FreeBefore(start);
        }
    }

    /// <summary>Forgets everything; epochs may count from 1 again.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            _file.DroppedThrough = BufferFile.Everything;
            while (_segments.Count > 0)
            {
                FreeNewest();
            }

            Forget(_file);
            _epochs.Clear();
            _index.Clear();
            _usedBytes = 0;
            LastSealed = LastCommitted = LastDropped = 0;
            _open = new BufferedEpoch(0, EndAddress, EndAddress, 0, false, false);
        }
    }

    /// <summary>A FLUSH or FUA is in this epoch; one that is not here has none.</summary>
    public bool HoldsFlush(ulong epoch)
    {
        lock (_gate)
        {
            return _epochs.Find(found => found.Number == epoch).HoldsFlush;
        }
    }

    /// <summary>The sealed epochs that were not dropped, oldest first.</summary>
    public BufferedEpoch[] Epochs()
    {
        lock (_gate)
        {
            return [.. _epochs];
        }
    }

    /// <summary>The writes of a sealed epoch that was not dropped.</summary>
    public EpochEntries ReadEpoch(ulong epoch)
    {
        lock (_gate)
        {
            BufferedEpoch found = _epochs.Find(found => found.Number == epoch);
            if (found.Number == 0)
            {
                throw new ArgumentOutOfRangeException(nameof(epoch), $"Epoch {epoch} is not in the buffer.");
            }

            BufferSegment[] segments = [.. _segments.Where(segment => AddressOf(segment, segment.Used) > found.Start && AddressOf(segment, 0) < found.End)];
            foreach (BufferSegment segment in segments)
            {
                segment.Pins++;
            }

            return new EpochEntries(this, _file, segments, found);
        }
    }

    /// <summary>Copies what the buffer has of the disk from <paramref name="offset"/> on over <paramref name="destination"/>, and adds the other parts to <paramref name="missing"/>.</summary>
    public void Read(long offset, Span<byte> destination, List<DiskRange> missing)
    {
        long end = offset + destination.Length;
        long at = offset;
        lock (_gate)
        {
            foreach (OverlayInterval interval in _index.Between(offset, end))
            {
                if (interval.Start > at)
                {
                    missing.Add(new DiskRange(at, interval.Start - at));
                }

                Span<byte> part = destination.Slice((int)(interval.Start - offset), (int)(interval.End - interval.Start));
                if (interval.IsZero)
                {
                    part.Clear();
                }
                else
                {
                    _file.Slice(interval.Position, part.Length).CopyTo(part);
                }

                at = interval.End;
            }
        }

        if (at < end)
        {
            missing.Add(new DiskRange(at, end - at));
        }
    }

    /// <summary>Which parts of the disk from <paramref name="offset"/> on the buffer has, at most <paramref name="limit"/> of them.</summary>
    public void Cover(long offset, long length, int limit, List<OverlayInterval> covered)
    {
        lock (_gate)
        {
            foreach (OverlayInterval interval in _index.Between(offset, offset + length))
            {
                if (covered.Count == limit)
                {
                    break;
                }

                covered.Add(interval);
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _file.Dispose();
        }
    }

    internal void Unpin(BufferSegment[] segments)
    {
        lock (_gate)
        {
            foreach (BufferSegment segment in segments)
            {
                if (--segment.Pins == 0 && segment.IsDropped)
                {
                    _pool.Return(segment.Index);
                }
            }
        }
    }

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
