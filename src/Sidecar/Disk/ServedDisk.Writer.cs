// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Linux;
using Hikae.Sidecar.Disk.Buffer;

namespace Hikae.Sidecar.Disk;

// The writer, the only thread that moves anything from the buffer to the image, and the flusher, which makes it durable meanwhile: storage that
// is slow to flush then still gets the next epoch's writes.
internal sealed partial class ServedDisk
{
    // Between two looks at whether the image may be written: a fraction of a second's work even for slow storage.
    private const long BytesPerLook = 1 << 20;

    // A drain ends by letting the guest's writes wait for its last round: when little is left, or when the guest's single writes are so large that
    // it never is.
    private const long LastRoundBytes = 1 << 20;
    private const int MaxRounds = 12;

    // What the guest waits for comes first: it waits for its writes to be taken, and for the image only when the buffer is full or a packet follows a flush.
    private const int Niceness = 5;

    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);

    private void WriteImage()
    {
        StepBack();
        int rounds = 0;
        while (NextTarget(ref rounds) is var (target, attempt))
        {
            try
            {
                if (WriteThrough(target))
                {
                    MarkWritten(target, attempt);
                }
            }
            catch (Exception error) when (error is IOException or LinuxException)
            {
                Recover(error.Message);
            }
        }
    }

    private void FlushImage()
    {
        StepBack();
        while (NextFlush() is ulong target)
        {
            try
            {
                if (NeedsFlush(target))
                {
                    _image.Flush();
                }
            }
            catch (Exception error) when (error is IOException or LinuxException)
            {
                // The page cache may have forgotten what it could not write back: all of it is written again.
                _content?.Distrust();
                End();
                Recover(error.Message, rewrite: true);
                continue;
            }

            End();
            if (ImageTrouble is not null)
            {
                ImageTrouble = null;
                _logger.DiskImageWorks(Name);
            }

            _buffer.DropThrough(target);
            Announce(target);
        }
    }

    private static void StepBack()
    {
        try
        {
            Native.Linux.Niceness.OfThisThread = Math.Max(Niceness, Native.Linux.Niceness.OfThisThread);
        }
        catch (LinuxException)
        {
            // A sandbox may forbid it; only the order of things on a full host depends on it.
        }
    }

    // Waits for epochs to write. Null: the disk ends.
    private (ulong Target, int Attempt)? NextTarget(ref int rounds)
    {
        lock (_state)
        {
            while (!_ends)
            {
                if (_isTold && _mayWrite)
                {
                    ulong target = _mode is DiskMode.Draining ? _buffer.LastSealed : Math.Min(_buffer.LastCommitted, _buffer.LastSealed);
                    if (target > _written)
                    {
                        return (target, _attempt);
                    }

                    if (_mode is not DiskMode.Draining)
                    {
                        rounds = 0;
                    }
                    else if (!_isFinishing && NextRound(++rounds))
                    {
                        continue;
                    }
                }

                Monitor.Wait(_state);
            }

            return null;
        }
    }

    // All that was sealed is written. What came since then is the next round; false: nothing did.
    private bool NextRound(int rounds)
    {
        _isFinishing = rounds >= MaxRounds || _buffer.OpenEpochBytes <= LastRoundBytes;
        if (_buffer.OpenEpochBytes == 0)
        {
            FinishDrain();
            return false;
        }

        LimitRound(_buffer.OpenEpochBytes);
        _buffer.Seal(_buffer.LastSealed + 1);
        Monitor.PulseAll(_state);
        return true;
    }

    // Half of what the writer has to write meanwhile: a guest that fills the buffer faster than the storage empties it, or than a busy host lets
    // the writer work, would make each round longer than the one before it.
    private void LimitRound(long written) => _roundBytes = Math.Max(LastRoundBytes, written / 2);

    // The first round is of what is buffered; what is in the open epoch already counts for the second.
    private void BeginRounds()
    {
        LimitRound(_buffer.UsedBytes);
        _roundBytes += _buffer.OpenEpochBytes;
    }

    // An idle guest's epochs cost the storage nothing. One that holds only a FLUSH means what passed through before.
    private bool NeedsFlush(ulong target) =>
        Array.Exists(_buffer.Epochs(), epoch => epoch.Number <= target && (epoch.HoldsWrites || epoch.HoldsFlush));

    // Waits for something to flush, and begins. Null: the disk ends.
    private ulong? NextFlush()
    {
        lock (_state)
        {
            while (!_ends)
            {
                if (_mayWrite && _written > _buffer.LastDropped)
                {
                    _busy++;
                    return _written;
                }

                Monitor.Wait(_state);
            }

            return null;
        }
    }

    // False: forbidden in the middle, or the disk ends. What was written is written again then, which does no harm.
    private bool WriteThrough(ulong target)
    {
        foreach (BufferedEpoch epoch in _buffer.Epochs())
        {
            if (epoch.Number <= _written)
            {
                continue;
            }

            if (epoch.Number > target)
            {
                break;
            }

            using EpochEntries entries = _buffer.ReadEpoch(epoch.Number);
            bool more = true;
            while (more)
            {
                if (!TryBegin())
                {
                    return false;
                }

                try
                {
                    more = WriteSome(entries);
                }
                finally
                {
                    End();
                }
            }
        }

        return true;
    }

    // Unless a flush failed meanwhile: then this, and what was written before it, is written again.
    private void MarkWritten(ulong target, int attempt)
    {
        lock (_state)
        {
            if (_attempt == attempt)
            {
                _written = target;
                Monitor.PulseAll(_state);
            }
        }
    }

    private bool WriteSome(EpochEntries entries)
    {
        long bytes = 0;
        while (bytes < BytesPerLook)
        {
            if (!entries.MoveNext())
            {
                return false;
            }

            BufferEntry entry = entries.Current;
            Apply(entry);
            bytes += entry.Length;
        }

        return true;
    }

    private void Apply(in BufferEntry entry)
    {
        switch (entry.Kind)
        {
            case DiskWrite.Write:
                _image.Write(entry.Offset, entry.Data);
                break;
            case DiskWrite.Trim:
                _image.Trim(entry.Offset, entry.Length);
                break;
            default:
                _image.WriteZeroes(entry.Offset, entry.Length, entry.Kind is DiskWrite.UnmapZeroes);
                break;
        }
    }

    private bool TryBegin()
    {
        lock (_state)
        {
            if (!_mayWrite || _ends)
            {
                return false;
            }

            _busy++;
            return true;
        }
    }

    private void End()
    {
        lock (_state)
        {
            _busy--;
            if (!_mayWrite)
            {
                Monitor.PulseAll(_state);
            }
        }
    }

    private void Announce(ulong target)
    {
        ulong known;
        lock (_state)
        {
            // The rounds of a drain have numbers that nobody else knows.
            known = Math.Min(target, _lastEpoch);
            if (_buffer.UsedBytes <= _buffer.MaxBytes / 2)
            {
                _wantsCheckpoint = false;
            }

            FinishDrain();
            Monitor.PulseAll(_state);
        }

        if (known > 0)
        {
            Flushed?.Invoke(known);
        }
    }

    // Under _state.
    private void FinishDrain()
    {
        if (_mode is DiskMode.Draining && _isFinishing && _buffer.IsEmpty)
        {
            _buffer.Clear();
            _written = 0;
            _isFinishing = false;
            Enter(DiskMode.PassThrough);
        }
    }

    private void Recover(string trouble, bool rewrite = false)
    {
        if (ImageTrouble is null)
        {
            _logger.DiskImageFailed(Name, trouble);
        }

        ImageTrouble = trouble;
        lock (_state)
        {
            // The guest's writes need not wait for storage that does not work; there is room in the buffer.
            _isFinishing = false;
            if (rewrite)
            {
                _attempt++;
                _written = _buffer.LastDropped;
            }

            Monitor.PulseAll(_state);
            if (!_ends)
            {
                Monitor.Wait(_state, RetryPause);
            }
        }
    }
}
