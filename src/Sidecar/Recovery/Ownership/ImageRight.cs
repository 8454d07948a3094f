// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Ownership;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Recovery;

/// <summary>When a backup that has taken a guest over may write to the guest's shared images: when the former owner can do so no more.</summary>
/// <remarks>
/// The first of these counts: it gave the guest away itself, it was fenced, or its lease and a margin have passed since this host won. Until then
/// the guest runs, and what it writes stays in this host's buffer.
/// </remarks>
internal sealed class ImageRight(TimeProvider clock, ILogger logger) : IDisposable
{
    private readonly TaskCompletionSource _granted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ITimer? _timer;

    /// <summary>Completes when the images may be written; never fails.</summary>
    public Task MayWrite => _granted.Task;

    /// <summary>The guest was won a moment ago, from an owner that trusts its record for <paramref name="lease"/>.</summary>
    /// <returns>How long that takes.</returns>
    public TimeSpan GrantAfter(TimeSpan lease)
    {
        TimeSpan wait = lease + Lease.MarginOf(lease);
        GrantIn(wait);
        return wait;
    }

    /// <summary>The former owner's lease and the margin are over then.</summary>
    public void GrantIn(TimeSpan wait) =>
        _timer ??= clock.CreateTimer(_ => Grant("the former owner's lease is over"), null, wait, Timeout.InfiniteTimeSpan);

    /// <summary>The former owner cannot write any more. Any thread.</summary>
    public void Grant(string why)
    {
        if (_granted.TrySetResult())
        {
            logger.MayWriteImage(why);
        }
    }

    public void Dispose() => _timer?.Dispose();
}
