// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Disk.Buffer;
using Hikae.Sidecar.Disk.Content;
using Hikae.Sidecar.Disk.Nbd;

namespace Hikae.Sidecar.Disk;

// What clients ask for, on their connections' threads.
internal sealed partial class ServedDisk
{
    bool INbdExport.TryRead(long offset, Span<byte> destination, List<DiskRange> missing)
    {
        ulong tick = _content?.BeginRead() ?? 0;
        if (!TryReadMemory(offset, destination, missing))
        {
            return false;
        }

        _content?.EndRead(tick, offset, destination);
        return true;
    }

    // What was written to the buffer between its two steps may be missed: those writes and this read were under way together.
    void INbdExport.Read(long offset, Span<byte> destination)
    {
        ulong tick = _content?.BeginRead() ?? 0;
        List<DiskRange> missing = [];
        if (!TryReadMemory(offset, destination, missing))
        {
            foreach (DiskRange range in missing)
            {
                _image.Read(range.Offset, destination.Slice((int)(range.Offset - offset), (int)range.Length));
            }
        }

        _content?.EndRead(tick, offset, destination);
    }

    WriteStep INbdExport.Write(DiskWrite kind, long offset, long length, ReadOnlySpan<byte> data, bool durable)
    {
        if (Guard is { } guard && guard.Concerns(offset, length))
        {
            return WriteStep.NotBegun;
        }

        PendingChange? change = _content?.BeginChange(kind, offset, length);
        WriteStep step;
        try
        {
            step = WriteNow(kind, offset, length, data, durable);
        }
        catch
        {
            Fail(change);
            throw;
        }

        End(change, step, kind, offset, length, data);
        return step;
    }

    void INbdExport.FinishWrite(WriteStep step, DiskWrite kind, long offset, long length, ReadOnlySpan<byte> data, bool durable)
    {
        if (step is WriteStep.NotBegun)
        {
            Guard?.Prepare(offset, length);
        }

        while (step is WriteStep.NotBegun)
        {
            PendingChange? change = _content?.BeginChange(kind, offset, length);
            try
            {
                step = WriteWhenPossible(kind, offset, length, data, durable);
            }
            catch
            {
                Fail(change);
                throw;
            }

            End(change, step, kind, offset, length, data);
        }

        if (step is WriteStep.AwaitRoom)
        {
            AwaitRoom(length);
            step = durable ? WriteStep.AwaitFlush : WriteStep.Done;
        }

        if (step is WriteStep.AwaitFlush)
        {
            ((INbdExport)this).Flush();
        }
    }

    bool INbdExport.TryFlush()
    {
        lock (_state)
        {
            if (_mode is not DiskMode.Holding || _awaitsFirstCommit)
            {
                return false;
            }

            _buffer.MarkFlush();
            return true;
        }
    }

    void INbdExport.Flush()
    {
        lock (_state)
        {
            while (_awaitsFirstCommit)
            {
                WaitForChange();
            }

            if (_mode is DiskMode.Holding)
            {
                _buffer.MarkFlush();
                return;
            }

            if (_mode is DiskMode.Draining)
            {
                // The writer seals what is open now with the next number, if there is anything.
                ulong target = _buffer.OpenEpochBytes > 0 ? _buffer.LastSealed + 1 : _buffer.LastSealed;
                while (_mode is DiskMode.Draining && _buffer.LastDropped < target)
                {
                    WaitForChange();
                }

                // And now the image's own flush: what passed through before this disk held anything may not be durable yet.
            }

            while (!_mayWrite)
            {
                WaitForChange();
            }

            _direct++;
        }

        try
        {
            _image.Flush();
        }
        catch
        {
            _content?.Distrust();
            throw;
        }
        finally
        {
            EndDirect();
        }
    }

    private bool TryReadMemory(long offset, Span<byte> destination, List<DiskRange> missing)
    {
        _buffer.Read(offset, destination, missing);
        int left = 0;
        for (int i = 0; i < missing.Count; i++)
        {
            DiskRange range = missing[i];
            if (!_image.TryReadCached(range.Offset, destination.Slice((int)(range.Offset - offset), (int)range.Length)))
            {
                missing[left++] = range;
            }
        }

        missing.RemoveRange(left, missing.Count - left);
        return left == 0;
    }

    private WriteStep WriteNow(DiskWrite kind, long offset, long length, ReadOnlySpan<byte> data, bool durable)
    {
        WriteStep? step = TryWriteBuffered(kind, offset, length, data, durable, out bool wantsCheckpoint);
        if (wantsCheckpoint)
        {
            CheckpointWanted?.Invoke();
        }

        if (step is { } buffered)
        {
            return buffered;
        }

        WriteDirect(kind, offset, length, data);
        return durable ? WriteStep.AwaitFlush : WriteStep.Done;
    }

    private void End(in PendingChange? change, WriteStep step, DiskWrite kind, long offset, long length, ReadOnlySpan<byte> data)
    {
        if (change is not { } begun)
        {
            return;
        }

        if (step is WriteStep.NotBegun)
        {
            _content!.Abandon(begun);
        }
        else
        {
            _content!.EndChange(begun, kind, offset, length, data);
        }
    }

    private void Fail(in PendingChange? change)
    {
        if (change is { } begun)
        {
            _content!.Fail(begun);
        }
    }

    // Null: nothing is buffered, so it may be written to the image directly, and is counted as such.
    private WriteStep? TryWriteBuffered(
        DiskWrite kind, long offset, long length, ReadOnlySpan<byte> data, bool durable, out bool wantsCheckpoint)
    {
        wantsCheckpoint = false;
        lock (_state)
        {
            if (_mode is not DiskMode.PassThrough)
            {
                WriteStep step = Append(kind, offset, length, data, durable);
                wantsCheckpoint = WantsCheckpoint(step);
                return step;
            }

            // The storage may take its time for anything but a write to the page cache.
            if (!_mayWrite || kind is not DiskWrite.Write)
            {
                return WriteStep.NotBegun;
            }

            _direct++;
            return null;
        }
    }

    private WriteStep Append(DiskWrite kind, long offset, long length, ReadOnlySpan<byte> data, bool durable)
    {
        if (_isFinishing || IsRoundFull(data.Length) || !_buffer.TryAppend(kind, offset, length, data))
        {
            return WriteStep.NotBegun;
        }

        if (durable && _mode is DiskMode.Holding && !_awaitsFirstCommit)
        {
            _buffer.MarkFlush();
            durable = false;
        }

        return _buffer.UsedBytes > _buffer.MaxBytes && !_letThrough ? WriteStep.AwaitRoom : durable ? WriteStep.AwaitFlush : WriteStep.Done;
    }

    // A write that is larger than a round has one to itself. While nothing is written, nothing has to catch up: a guest that was taken over does not
    // wait for the former owner's lease.
    private bool IsRoundFull(long dataBytes) =>
        _mode is DiskMode.Draining && _mayWrite && ImageTrouble is null && _buffer.OpenEpochBytes is var open and > 0 && open + dataBytes > _roundBytes;

    // Once for each seal when half is full, and whenever a write waits.
    private bool WantsCheckpoint(WriteStep step)
    {
        if (step is WriteStep.NotBegun or WriteStep.AwaitRoom)
        {
            return true;
        }

        if (_wantsCheckpoint || _buffer.UsedBytes <= _buffer.MaxBytes / 2)
        {
            return false;
        }

        _wantsCheckpoint = true;
        return true;
    }

    private WriteStep WriteWhenPossible(DiskWrite kind, long offset, long length, ReadOnlySpan<byte> data, bool durable)
    {
        lock (_state)
        {
            while (true)
            {
                ThrowIfEnding();
                if (_mode is DiskMode.PassThrough)
                {
                    if (_mayWrite)
                    {
                        _direct++;
                        break;
                    }
                }
                else if (Append(kind, offset, length, data, durable) is var step and not WriteStep.NotBegun)
                {
                    return step;
                }

                Monitor.Wait(_state);
            }
        }

        WriteDirect(kind, offset, length, data);
        return durable ? WriteStep.AwaitFlush : WriteStep.Done;
    }

    private void WriteDirect(DiskWrite kind, long offset, long length, ReadOnlySpan<byte> data)
    {
        try
        {
            Apply(new BufferEntry(kind, offset, length, data));
        }
        finally
        {
            EndDirect();
        }
    }

    private void EndDirect()
    {
        lock (_state)
        {
            if (--_direct == 0)
            {
                Monitor.PulseAll(_state);
            }
        }
    }

    // Its turn comes when all that was let into the reserve before it, at the permitted pace, is through; or sooner, when there is room.
    private void AwaitRoom(long length)
    {
        lock (_state)
        {
            long now = _clock.GetTimestamp();
            long share = (long)((double)length / ReserveBytesPerSecond * _clock.TimestampFrequency);
            _paced = Math.Max(_paced, now) + share;
            long turn = _paced;
            while (!_letThrough && _mode is not DiskMode.PassThrough && _buffer.UsedBytes > _buffer.MaxBytes)
            {
                ThrowIfEnding();
                TimeSpan left = _clock.GetElapsedTime(_clock.GetTimestamp(), turn);
                if (left <= TimeSpan.Zero)
                {
                    break;
                }

                Monitor.Wait(_state, left + TimeSpan.FromMilliseconds(1));
            }
        }
    }

    private void WaitForChange()
    {
        ThrowIfEnding();
        Monitor.Wait(_state);
        ThrowIfEnding();
    }

    private void ThrowIfEnding()
    {
        if (_ends)
        {
            throw new OperationCanceledException($"disk {Name} is served no more");
        }
    }
}
