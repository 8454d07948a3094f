// SPDX-License-Identifier: LGPL-2.1-or-later
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
internal sealed partial class EpochBuffer : IDisposable
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

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _file.Dispose();
        }
    }
}
