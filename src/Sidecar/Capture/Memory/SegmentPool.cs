// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Collections.Concurrent;

namespace Hikae.Sidecar.Capture;

/// <summary>Bounds the memory that captured pages take on the primary. When all segments travel, capture waits: that is counted.</summary>
internal sealed class SegmentPool : IDisposable
{
    // 64 MiB: two epochs of a guest that dirties 300 MB/s at ten checkpoints a second.
    private const int MaxSegments = 16;

    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(1);

    private readonly SemaphoreSlim _free = new(MaxSegments, MaxSegments);

    // Last in, first out: an idle guest keeps using the one segment whose memory is already there.
    private readonly ConcurrentStack<CaptureSegment> _returned = new();
    private readonly ConcurrentBag<CaptureSegment> _all = [];
    private CaptureSegment? _spare;
    private long _waits;

    /// <summary>How often capture had to wait for the link.</summary>
    public long Waits => Interlocked.Read(ref _waits);

    /// <summary>Pages that can be copied without waiting.</summary>
    public long FreePages => (long)_free.CurrentCount * CaptureSegment.MaxPages;

    /// <summary>Waits until half of the segments are free: called while the guest runs, so that it need not wait for the link in its pause.</summary>
    public void WaitForHalf(CancellationToken cancellationToken)
    {
        while (_free.CurrentCount < MaxSegments / 2)
        {
            cancellationToken.WaitHandle.WaitOne(PollInterval);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    public CaptureSegment Rent(CancellationToken cancellationToken)
    {
        if (!_free.Wait(0, cancellationToken))
        {
            Interlocked.Increment(ref _waits);
            _free.Wait(cancellationToken);
        }
        if (!_returned.TryPop(out CaptureSegment? segment))
        {
            segment = new CaptureSegment(this);
            _all.Add(segment);
        }
        segment.MarkRented();
        return segment;
    }

    /// <summary>One that is not among those that travel, and is never waited for. One holder at a time.</summary>
    public CaptureSegment RentSpare()
    {
        if (_spare is null)
        {
            _spare = new CaptureSegment(this);
            _all.Add(_spare);
        }
        _spare.MarkRented();
        return _spare;
    }

    internal void Return(CaptureSegment segment)
    {
        if (segment == _spare)
        {
            return;
        }
        _returned.Push(segment);
        _free.Release();
    }

    public void Dispose()
    {
        foreach (CaptureSegment segment in _all)
        {
            segment.Release();
        }
        _free.Dispose();
    }
}
