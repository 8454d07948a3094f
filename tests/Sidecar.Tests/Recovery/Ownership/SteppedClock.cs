// SPDX-License-Identifier: LGPL-2.1-or-later
using Microsoft.Extensions.Time.Testing;

namespace Hikae.Sidecar.Tests.Recovery;

/// <summary>A clock whose time of day is set by somebody, forwards and backwards, while its elapsed time goes on as it does.</summary>
internal sealed class SteppedClock(FakeTimeProvider elapsed) : TimeProvider
{
    /// <summary>How wrong the time of day is.</summary>
    public TimeSpan Step { get; set; }

    public override long TimestampFrequency => elapsed.TimestampFrequency;

    public override DateTimeOffset GetUtcNow() => elapsed.GetUtcNow() + Step;

    public override long GetTimestamp() => elapsed.GetTimestamp();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        elapsed.CreateTimer(callback, state, dueTime, period);
}
