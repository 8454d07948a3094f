// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;

namespace Hikae.Sidecar;

/// <summary>Notices that a primary is silent for longer than it should be, and that it speaks again. Any thread.</summary>
/// <param name="limit">How long it may be silent.</param>
internal sealed class SilenceWatch(TimeSpan limit)
{
    private readonly Lock _gate = new();

    // guarded by _gate
    private long _lastHeard = Stopwatch.GetTimestamp();
    private bool _isSilent;
    private bool _isListening;

    /// <summary>It has become silent (true), or spoke again (false). Called under this object's lock, so that the two cannot overtake each other.</summary>
    public event Action<bool>? Changed;

    /// <summary>The primary spoke.</summary>
    public void Heard()
    {
        lock (_gate)
        {
            _isListening = true;
            _lastHeard = Stopwatch.GetTimestamp();
            if (_isSilent)
            {
                _isSilent = false;
                Changed?.Invoke(false);
            }
        }
    }

    /// <summary>Nobody listens any more, which is no silence.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _isListening = false;
        }
    }

    /// <summary>To be called some times within the limit.</summary>
    public void Look()
    {
        lock (_gate)
        {
            if (_isListening && !_isSilent && Stopwatch.GetElapsedTime(_lastHeard) > limit)
            {
                _isSilent = true;
                Changed?.Invoke(true);
            }
        }
    }
}
