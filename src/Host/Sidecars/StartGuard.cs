// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Collections.Concurrent;
using Hikae.Host.Control;
using Hikae.Protocol.Control;
using Hikae.Protocol.Ownership;
using Microsoft.Extensions.Logging;

namespace Hikae.Host.Sidecars;

/// <summary>Decides whether an annotated guest may start on this host: libvirt's hook asks before QEMU exists.</summary>
/// <remarks>
/// Nothing is remembered: each question is a reading of the arbiter that began after it. libvirt waits for the answer and lets others
/// wait with it, so everything here is bounded, and no answer in time is a no: a guest that may be running elsewhere must not start.
///
/// A guest of this host that a backup may still take (the host lost power, say, and came back before the backup had noticed) is first
/// claimed alone: booted from its disk it must not be continued elsewhere from an old checkpoint.
///
/// libvirt asks twice for a guest that is migrated to this host: before anything else, and as for any start. At the first question its owner's record is
/// claimed alone in the owner's name, so that no backup can go on with the guest while it runs here; the second is then answered with yes, once. The
/// owner gives the record up when its QEMU has ended.
/// </remarks>
internal sealed class StartGuard(SidecarRegistry registry, SidecarStart start, LoneOwnership ownership, TimeProvider clock, ILogger logger)
{
    /// <summary>For what this host still does for the guest's last run: draining writes, releasing the record.</summary>
    public static readonly TimeSpan SettleLimit = TimeSpan.FromSeconds(1.5);

    /// <summary>For the arbiter.</summary>
    public static readonly TimeSpan ReadLimit = TimeSpan.FromSeconds(1.5);

    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(20);

    // An arbiter that hangs keeps a thread for each reading; past this many further questions are refused at once.
    private const int MaxReadings = 16;

    // libvirt starts a guest's QEMU right after it has announced the guest.
    private static readonly TimeSpan AnnouncedFor = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<Guid, (OwnershipRecord Record, long At)> _announced = new();
    private int _readings;

    /// <summary>A guest's writes lie in a buffer that no sidecar looks after. Must not wait; raised again until one does.</summary>
    public event Action<Guid>? DrainWanted;

    public async Task<Result> AskAsync(AskStart question, CancellationToken cancellationToken)
    {
        Guid guest = question.Uuid;
        string? reason = await WhyNotAsync(guest, question.Migrates, cancellationToken).ConfigureAwait(false);
        if (reason is null)
        {
            return new Result(true, "");
        }
        logger.StartRefused(guest, reason);
        return new Result(false, reason);
    }

    private async Task<string?> WhyNotAsync(Guid guest, bool migrates, CancellationToken cancellationToken)
    {
        long started = clock.GetTimestamp();
        while (Unsettled(guest) is string unsettled)
        {
            if (clock.GetElapsedTime(started) >= SettleLimit)
            {
                return unsettled;
            }
            await Task.Delay(PollInterval, clock, cancellationToken).ConfigureAwait(false);
        }
        return ownership.HasArbiter ? await NotOursAsync(guest, migrates, cancellationToken).ConfigureAwait(false) : null;
    }

    private string? Unsettled(Guid guest)
    {
        bool isLeft = start.IsLeftUndrained(guest);
        if (isLeft)
        {
            DrainWanted?.Invoke(guest);
        }
        if (isLeft || start.IsDraining(guest))
        {
            return "what this guest wrote in its last run is still being written to its disks on this host: try again when that is done (hikae status)";
        }
        var primary = new SidecarKey(guest, GuestRole.Primary);
        if (registry.Connected(primary) is not null || start.IsRunning(primary))
        {
            return "the last run of this guest on this host is not ended yet: try again in a moment; hikae status says what is in the way";
        }
        return registry.Connected(new SidecarKey(guest, GuestRole.Backup))?.LastStatus?.State is GuestState.Recovering
            ? "Hikae is starting this guest here right now, from its replica"
            : null;
    }

    private async Task<string?> NotOursAsync(Guid guest, bool migrates, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _readings) > MaxReadings)
        {
            Interlocked.Decrement(ref _readings);
            return Unknown("it does not answer");
        }
        // A thread of its own: the call may hang with the storage.
        Task<OwnershipRecord?> reading = Task.Factory.StartNew(
            () => Read(guest, migrates), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            OwnershipRecord? newest = await reading.WaitAsync(ReadLimit, clock, cancellationToken).ConfigureAwait(false);
            return newest is null || newest.Ended || newest.Owner == ownership.Host || (migrates ? Announce(newest) : IsAnnounced(newest))
                ? null
                : $"this guest is protected by Hikae and active on {newest.Owner} (generation {newest.Generation} of its ownership record). "
                    + $"It can be migrated from there; if {newest.Owner} is lost for good, see \"Ownership records\" in Hikae's failover.md";
        }
        catch (ArbiterUnavailableException error)
        {
            return Unknown(error.Message);
        }
        catch (TimeoutException)
        {
            return Unknown($"no answer within {ReadLimit.TotalSeconds} s");
        }
    }

    /// <summary>True when no backup may take the guest while it moves.</summary>
    private bool Announce(OwnershipRecord newest)
    {
        _announced[newest.Guest] = (newest, clock.GetTimestamp());
        return newest.ProtectedBy is null;
    }

    /// <summary>Once, and only if its owner has claimed nothing since: who claims runs the guest still.</summary>
    private bool IsAnnounced(OwnershipRecord newest) =>
        _announced.TryRemove(newest.Guest, out (OwnershipRecord Record, long At) announced)
        && announced.Record == newest && newest.ProtectedBy is null && clock.GetElapsedTime(announced.At) <= AnnouncedFor;

    private OwnershipRecord? Read(Guid guest, bool migrates)
    {
        try
        {
            return migrates ? ownership.ClaimForOwner(guest) : ownership.ClaimIfProtected(guest);
        }
        finally
        {
            Interlocked.Decrement(ref _readings);
        }
    }

    private static string Unknown(string problem) =>
        $"the arbiter cannot be asked whether this guest is active on another host: {problem}. Mend it (hikae doctor) and try again; only when you know "
        + "that no other host runs the guest, remove its annotation (virsh metadata GUEST urn:hikae:domain:1 --config --remove) and start it unprotected";
}
