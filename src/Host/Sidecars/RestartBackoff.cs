// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Host.Sidecars;

/// <summary>How long to wait before a sidecar that keeps dying is started again: twice not at all, then 1, 2, 4 ... seconds, at most a minute.</summary>
internal sealed class RestartBackoff(TimeProvider clock)
{
    // What killed one may kill the next, and no more; and a wait gives the guest to its backup.
    private const int AtOnce = 2;

    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);

    /// <summary>A sidecar that lived this long has earned a fresh start.</summary>
    /// <remarks>Short: while a sidecar is away its guest's packets wait, and the writes to its disks.</remarks>
    public static readonly TimeSpan ForgivenAfter = TimeSpan.FromSeconds(30);

    private long? _lastDeath;
    private TimeSpan _lastDelay;

    /// <summary>Deaths in a row.</summary>
    public int Count { get; private set; }

    /// <summary>A sidecar died now: how long to wait.</summary>
    public TimeSpan Next()
    {
        if (_lastDeath is long last && clock.GetElapsedTime(last) - _lastDelay > ForgivenAfter)
        {
            Count = 0;
        }
        _lastDeath = clock.GetTimestamp();
        Count++;
        return _lastDelay = Count <= AtOnce ? TimeSpan.Zero : TimeSpan.FromSeconds(Math.Min(Longest.TotalSeconds, Math.Pow(2, Math.Min(Count - AtOnce - 1, 10))));
    }
}
