// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Linux;
using Hikae.Protocol.Control;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Disk.Content;

/// <summary>Reads a guest's disks from end to end, once in a session and slowly, for the pages that it read or wrote before anybody looked at what passed.</summary>
/// <remarks>
/// Holes are stepped over. A block becomes known only if a page may equal it, so a disk takes no more of the index than the guest has memory. Each session reads all,
/// from where the one before stopped: what was found for that may have been displaced since, and a session that ends soon does not read the same again and again.
/// </remarks>
internal sealed class DiskScan
{
    private const int StretchBytes = 256 << 10;

    private readonly IReadOnlyList<ServedDisk> _disks;
    private readonly long _bytesPerSecond;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly long _totalBytes;
    private readonly object _gate = new();

    // guarded by _gate
    private bool _isStarted;
    private bool _ends;

    private long _doneBytes;

    // this scan's thread only
    private long _next;

    /// <param name="disks">Those that pages may refer to.</param>
    /// <param name="bytesPerSecond">Most that is read; 0: nothing is.</param>
    /// <param name="clock">For the pace.</param>
    /// <param name="logger">The sidecar's log.</param>
    public DiskScan(IReadOnlyList<ServedDisk> disks, long bytesPerSecond, TimeProvider clock, ILogger logger)
    {
        _disks = disks;
        _bytesPerSecond = bytesPerSecond;
        _clock = clock;
        _logger = logger;
        _totalBytes = disks.Sum(disk => disk.SizeBytes);
    }

    /// <summary>How far it is; null when nothing is to be read. Any thread.</summary>
    public DiskScanProgress? Progress => _bytesPerSecond > 0 && _totalBytes > 0 ? new DiskScanProgress(Interlocked.Read(ref _doneBytes), _totalBytes) : null;

    /// <summary>Begins, when it has not: the first checkpoint's pages are known. Any thread.</summary>
    public void Start()
    {
        lock (_gate)
        {
            if (_isStarted || _ends || Progress is null)
            {
                return;
            }
            _isStarted = true;
        }
        new Thread(Run) { IsBackground = true, Name = "disk scan" }.Start();
    }

    /// <summary>Ends soon. Storage that hangs is not waited for here, but by the disk, when it is to be closed.</summary>
    public void End()
    {
        lock (_gate)
        {
            _ends = true;
            Monitor.PulseAll(_gate);
        }
    }

    private void Run()
    {
        try
        {
            _ = ReadOrder.TryStepBack();
            byte[] buffer = GC.AllocateUninitializedArray<byte>(StretchBytes);
            _next = _clock.GetTimestamp();
            if (_disks.All(disk => TryScan(disk, buffer)))
            {
                _logger.DisksScanned(_totalBytes);
            }
        }
        catch (Exception error)
        {
            // Less is found, and nothing wrong.
            _logger.Unexpected(error.Message, error);
        }
    }

    private bool TryScan(ServedDisk disk, byte[] buffer)
    {
        for (long left = disk.SizeBytes; left > 0;)
        {
            (long passed, int read) = disk.Scan(buffer);
            if (passed == 0 || !Wait(read))
            {
                return false;
            }
            passed = Math.Min(passed, left);
            left -= passed;
            Interlocked.Add(ref _doneBytes, passed);
        }
        return true;
    }

    // Until so much more may be read. False: the session is over.
    private bool Wait(int bytes)
    {
        long now = _clock.GetTimestamp();
        _next = Math.Max(_next, now) + (long)((double)bytes / _bytesPerSecond * _clock.TimestampFrequency);
        lock (_gate)
        {
            TimeSpan left;
            while (!_ends && (left = _clock.GetElapsedTime(_clock.GetTimestamp(), _next)) > TimeSpan.Zero)
            {
                Monitor.Wait(_gate, left + TimeSpan.FromMilliseconds(1));
            }
            return !_ends;
        }
    }
}
