// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Recovery;

/// <summary>Keeps the background push at so many bytes a second. Sending thread only.</summary>
/// <param name="bytesPerSecond">Null: no limit.</param>
/// <param name="clock">The time.</param>
internal sealed class PushPace(long? bytesPerSecond, TimeProvider clock)
{
    // What was not used is lost after this: a guest that asked for a while is not flooded then.
    private static readonly TimeSpan LongestCredit = TimeSpan.FromMilliseconds(50);

    private long _paidUntil = clock.GetTimestamp();

    /// <summary>How long nothing may be pushed; zero: now.</summary>
    internal TimeSpan Wait() => bytesPerSecond is null ? TimeSpan.Zero : TimeSpan.FromTicks(Math.Max(0, -clock.GetElapsedTime(_paidUntil).Ticks));

    /// <summary>So much was pushed now.</summary>
    internal void Count(long bytes)
    {
        if (bytesPerSecond is not long rate)
        {
            return;
        }
        long creditFrom = clock.GetTimestamp() - (long)(LongestCredit.TotalSeconds * clock.TimestampFrequency);
        _paidUntil = Math.Max(_paidUntil, creditFrom) + (long)((double)bytes / rate * clock.TimestampFrequency);
    }
}
