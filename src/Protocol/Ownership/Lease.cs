// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Ownership;

/// <summary>The time for which a reading of the arbiter may be trusted. Each side measures it with its own clock; none is shared.</summary>
/// <param name="clock">Must count while the host sleeps (CLOCK_BOOTTIME), or a resumed laptop believes in a lease of yesterday.</param>
/// <param name="length">The lease length of the record, the same on both sides.</param>
/// <param name="margin">What two clocks may drift apart in one lease, and what a pause or a refusal to write may take.</param>
public sealed class Lease(TimeProvider clock, TimeSpan length, TimeSpan margin)
{
    private long _renewedAt = clock.GetTimestamp();

    /// <summary>The lease begins anew.</summary>
    /// <param name="renewedAt">
    /// A timestamp of the clock: the owner passes the time before it asked the arbiter; the claimer, the time after it had won.
    /// Both errors point the safe way: the owner stops early, the claimer writes late.
    /// </param>
    public void Renew(long renewedAt) => Volatile.Write(ref _renewedAt, renewedAt);

    /// <summary>The margin that both sides use for a lease of this length.</summary>
    public static TimeSpan MarginOf(TimeSpan length) => length / 10;

    /// <summary>
    /// The owner's right was not confirmed for so long that it must begin to pause its guest and write no more. It has two margins for that:
    /// at the lease's end the kernel ends its process.
    /// </summary>
    public bool OwnerMustStop => Elapsed >= StopAfter;

    /// <summary>Zero when it must stop now.</summary>
    public TimeSpan UntilOwnerMustStop => Elapsed is var elapsed && elapsed >= StopAfter ? TimeSpan.Zero : StopAfter - elapsed;

    /// <summary>The former owner has stopped by itself by now, dead or alive: the new one may write to the shared image.</summary>
    public bool ClaimerMayWrite => Elapsed >= length + margin;

    private TimeSpan StopAfter => length - (2 * margin);

    private TimeSpan Elapsed => clock.GetElapsedTime(Volatile.Read(ref _renewedAt));
}
