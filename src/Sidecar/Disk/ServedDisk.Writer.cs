// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Linux;
using Hikae.Sidecar.Disk.Buffer;

namespace Hikae.Sidecar.Disk;

// The writer: the only thread that moves anything from the buffer to the image.
internal sealed partial class ServedDisk
{
    // Between two looks at whether the image may be written: a fraction of a second's work even for slow storage.
    private const long BytesPerLook = 1 << 20;

    // A drain ends by letting the guest's writes wait for its last round: when little is left, or when the guest writes so fast that it never would be.
    private const long LastRoundBytes = 1 << 20;
    private const int MaxRounds = 8;

    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);

    private void WriteImage()
    {
        int rounds = 0;
        while (NextTarget(ref rounds) is ulong target)
        {
            try
            {
                if (!WriteThrough(target))
                {
                    continue;
                }
            }
            catch (Exception error) when (error is IOException or LinuxException)
            {
                Recover(error.Message);
                continue;
            }

            if (ImageTrouble is not null)
            {
                ImageTrouble = null;
                _logger.DiskImageWorks(Name);
            }

            if (target > 0)
            {
                _buffer.DropThrough(target);
                Announce(target);
            }

            FinishDrain();
        }
    }

    // Waits for epochs to write. 0: nothing but the drain is to be ended. Null: the disk ends.
    private ulong? NextTarget(ref int rounds)
    {
        lock (_state)
        {
            while (!_ends)
            {
                if (_isTold && _mayWrite)
                {
                    ulong target = _mode is DiskMode.Draining ? _buffer.LastSealed : Math.Min(_buffer.LastCommitted, _buffer.LastSealed);
                    if (target > _buffer.LastDropped)
                    {
                        return target;
                    }

                    if (_mode is DiskMode.Draining)
                    {
                        return NextRound(ref rounds);
                    }

                    rounds = 0;
                }

                Monitor.Wait(_state);
            }

            return null;
        }
    }

    // All that was sealed is written. What came since then is the next round.
    private ulong NextRound(ref int rounds)
    {
        rounds++;
        _isFinishing = rounds >= MaxRounds || _buffer.OpenEpochBytes <= LastRoundBytes;
        if (_buffer.OpenEpochBytes == 0)
        {
            return 0;
        }

        _buffer.Seal(_buffer.LastSealed + 1);
        return _buffer.LastSealed;
    }

    // False: forbidden in the middle, or the disk ends. What was written is written again then, which does no harm.
    private bool WriteThrough(ulong target)
    {
        foreach (BufferedEpoch epoch in _buffer.Epochs())
        {
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

        if (!TryBegin())
        {
            return false;
        }

        try
        {
            _image.Flush();
        }
        finally
        {
            End();
        }

        return true;
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
            _isWriting = _mayWrite && !_ends;
            return _isWriting;
        }
    }

    private void End()
    {
        lock (_state)
        {
            _isWriting = false;
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

            Monitor.PulseAll(_state);
        }

        if (known > 0)
        {
            Flushed?.Invoke(known);
        }
    }

    private void FinishDrain()
    {
        lock (_state)
        {
            if (_mode is DiskMode.Draining && _isFinishing && _buffer.IsEmpty)
            {
                _buffer.Clear();
                _isFinishing = false;
                Enter(DiskMode.PassThrough);
            }
        }
    }

    private void Recover(string trouble)
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
            Monitor.PulseAll(_state);
            if (!_ends)
            {
                Monitor.Wait(_state, RetryPause);
            }
        }
    }
}
