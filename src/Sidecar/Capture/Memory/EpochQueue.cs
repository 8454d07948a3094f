// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Collections.Concurrent;
using Hikae.Sidecar.Epoch;

namespace Hikae.Sidecar.Capture;

/// <summary>Carries an epoch's parts from the checkpoint thread to the link's, in order.</summary>
internal sealed class EpochQueue : IEpochStream, IDisposable
{
    // Parts are small but for segments, which their pool bounds; this bounds the rest.
    private const int MaxParts = 256;

    private readonly BlockingCollection<EpochPart> _parts = new(new ConcurrentQueue<EpochPart>(), MaxParts);
    private EpochId _begun;
    private bool _isDisposed;

    /// <summary>Idempotent for an epoch that has begun and not ended.</summary>
    public void Begin(EpochId epoch, CancellationToken cancellationToken)
    {
        if (_begun != epoch)
        {
            _begun = epoch;
            Add(new EpochPart.Begin(epoch), cancellationToken);
        }
    }

    public void Add(EpochPart part, CancellationToken cancellationToken) => _parts.Add(part, cancellationToken);

    /// <summary>For parts that only spare the backup memory: false when there is no room, or nobody to send them.</summary>
    public bool TryAdd(EpochPart part)
    {
        try
        {
            return _parts.TryAdd(part);
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
    }

    public void End(EpochId epoch, CancellationToken cancellationToken) => Add(new EpochPart.End(epoch), cancellationToken);

    /// <summary>False when nothing came within <paramref name="timeout"/>.</summary>
    public bool TryTake(out EpochPart? part, TimeSpan timeout, CancellationToken cancellationToken) =>
        _parts.TryTake(out part, (int)timeout.TotalMilliseconds, cancellationToken);

    /// <summary>Gives back the segments of parts that nobody will send.</summary>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }
        _isDisposed = true;
        while (_parts.TryTake(out EpochPart? part))
        {
            (part as EpochPart.Pages)?.Segment.Dispose();
            (part as EpochPart.PagesAgain)?.Segment.Dispose();
            (part as EpochPart.DiskWrites)?.Entries.Dispose();
        }
        _parts.Dispose();
    }
}
