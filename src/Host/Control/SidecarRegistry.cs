// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Control;

namespace Hikae.Host.Control;

/// <summary>The sidecars of this host, and the last each of them said.</summary>
/// <remarks>
/// A sidecar whose connection ended without a goodbye stays listed, marked stale, until another takes its place or its guest is known to be gone:
/// a guest nobody looks after must not vanish from <c>hikae status</c>.
/// Invariant: for each guest and role at most one sidecar is connected; a later registration cuts off the earlier.
/// </remarks>
internal sealed class SidecarRegistry(TimeProvider clock)
{
    /// <summary>A sidecar speaks each second; three missed and its words are history.</summary>
    public static readonly TimeSpan SilentAfter = TimeSpan.FromSeconds(3.5);

    /// <summary>More guests than a host can run. A limit, so that no local program fills our memory.</summary>
    public const int MaxSidecars = 4096;

    private readonly Lock _gate = new();

    // guarded by _gate
    private readonly Dictionary<SidecarKey, RegisteredSidecar> _sidecars = [];
    private readonly Dictionary<SidecarKey, List<TaskCompletionSource>> _awaited = [];
    private long _failovers;
    private long _deaths;
    private long _registrations;

    /// <summary>Guests that went on here after a failover while this registry looked on.</summary>
    public long Failovers => Interlocked.Read(ref _failovers);

    /// <summary>Sidecars that ended without a goodbye.</summary>
    public long Deaths => Interlocked.Read(ref _deaths);

    /// <summary>False: the registry is full.</summary>
    public bool TryAdd(RegisteredSidecar sidecar)
    {
        RegisteredSidecar? replaced;
        List<TaskCompletionSource>? awaited;
        lock (_gate)
        {
            if (!_sidecars.TryGetValue(sidecar.Key, out replaced) && _sidecars.Count >= MaxSidecars)
            {
                return false;
            }
            sidecar.HeardAt = clock.GetTimestamp();
            sidecar.Number = ++_registrations;
            if (replaced?.Registration.Pid == sidecar.Registration.Pid)
            {
                // It only lost the connection.
                sidecar.Number = replaced.Number;
                sidecar.HasBeenReady = replaced.HasBeenReady;
            }
            sidecar.LastStatus = replaced?.LastStatus is GuestStatus last ? last with { Stale = true } : null;
            _sidecars[sidecar.Key] = sidecar;
            _awaited.Remove(sidecar.Key, out awaited);
        }
        replaced?.Connection.Dispose();
        awaited?.ForEach(waiter => waiter.TrySetResult());
        return true;
    }

    /// <summary>Notes a status; the one before, if any, is returned.</summary>
    public GuestStatus? Report(RegisteredSidecar sidecar, GuestStatus status)
    {
        lock (_gate)
        {
            GuestStatus? before = sidecar.LastStatus;
            // One that registers as recovered tells a new hikaed of a failover that was counted before.
            if (before is { State: not GuestState.Recovered } && status.State == GuestState.Recovered)
            {
                _failovers++;
            }
            sidecar.HasBeenReady |= status.State is GuestState.Ready or GuestState.Recovering or GuestState.Recovered;
            sidecar.LastStatus = status with { Stale = false, Reason = Clip(status.Reason) };
            sidecar.HeardAt = clock.GetTimestamp();
            return before;
        }
    }

    /// <summary>The connection ended. True: it was a death, the sidecar's place is empty and nobody said goodbye.</summary>
    public bool Leave(RegisteredSidecar sidecar)
    {
        lock (_gate)
        {
            sidecar.Connected = false;
            sidecar.FailoverAnswer?.TrySetResult(new Result(false, "the sidecar went away before it answered"));
            if (!_sidecars.TryGetValue(sidecar.Key, out RegisteredSidecar? current) || current != sidecar)
            {
                return false;
            }
            if (sidecar.SaidGoodbye)
            {
                _sidecars.Remove(sidecar.Key);
                return false;
            }
            _deaths++;
            return true;
        }
    }

    /// <summary>The guest is known to be gone: what a dead sidecar left behind is no longer of interest.</summary>
    public void Forget(SidecarKey key)
    {
        lock (_gate)
        {
            if (_sidecars.TryGetValue(key, out RegisteredSidecar? sidecar) && !sidecar.Connected)
            {
                _sidecars.Remove(key);
            }
        }
    }

    /// <summary>The sidecar, if it is connected.</summary>
    public RegisteredSidecar? Connected(SidecarKey key)
    {
        lock (_gate)
        {
            return _sidecars.TryGetValue(key, out RegisteredSidecar? sidecar) && sidecar.Connected ? sidecar : null;
        }
    }

    /// <summary>The sidecar, if its connection ended without a goodbye and nobody took its place.</summary>
    public RegisteredSidecar? Lost(SidecarKey key)
    {
        lock (_gate)
        {
            return _sidecars.TryGetValue(key, out RegisteredSidecar? sidecar) && !sidecar.Connected ? sidecar : null;
        }
    }

    /// <summary>Waits until the sidecar is connected; null: it is not, within <paramref name="limit"/>.</summary>
    public async Task<RegisteredSidecar?> WaitForAsync(SidecarKey key, TimeSpan limit, CancellationToken cancellationToken)
    {
        var waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_sidecars.TryGetValue(key, out RegisteredSidecar? sidecar) && sidecar.Connected)
            {
                return sidecar;
            }
            if (!_awaited.TryGetValue(key, out List<TaskCompletionSource>? waiters))
            {
                _awaited.Add(key, waiters = []);
            }
            waiters.Add(waiter);
        }
        try
        {
            await waiter.Task.WaitAsync(limit, clock, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // It may have come in this very moment.
        }
        finally
        {
            StopWaiting(key, waiter);
        }
        return Connected(key);
    }

    /// <summary>Backups that have not yet said whose replica they hold: nobody has proven a right to have started them.</summary>
    public int UnprovenBackups()
    {
        lock (_gate)
        {
            return _sidecars.Values.Count(sidecar => sidecar is { Connected: true, Key.Role: GuestRole.Backup }
                && sidecar.LastStatus is null or { Peer: null or "" });
        }
    }

    /// <summary>The sidecars that hold replicas here, in the order in which they came.</summary>
    public IReadOnlyList<RegisteredSidecar> Backups()
    {
        lock (_gate)
        {
            return [.. _sidecars.Values.Where(sidecar => sidecar is { Connected: true, Key.Role: GuestRole.Backup }).OrderBy(sidecar => sidecar.Number)];
        }
    }

    /// <summary>Null: one is under way already.</summary>
    public TaskCompletionSource<Result>? BeginFailover(RegisteredSidecar sidecar)
    {
        lock (_gate)
        {
            if (sidecar.FailoverAnswer is { Task.IsCompleted: false })
            {
                return null;
            }
            return sidecar.FailoverAnswer = new TaskCompletionSource<Result>(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>All statuses by guest name and role, those of absent or silent sidecars marked stale.</summary>
    public IReadOnlyList<GuestStatus> Statuses()
    {
        lock (_gate)
        {
            return [.. _sidecars.Values
                .Where(sidecar => sidecar.LastStatus is not null)
                .Select(sidecar => sidecar.LastStatus! with { Stale = sidecar.LastStatus!.Stale || IsSilent(sidecar) })
                .OrderBy(status => status.Guest, StringComparer.Ordinal)
                .ThenBy(status => status.Role)];
        }
    }

    /// <summary>The connected sidecar that carries out a failover of a guest named by name or UUID: the backup's if there is one.</summary>
    public RegisteredSidecar? FailoverTarget(string guest)
    {
        bool isUuid = Guid.TryParse(guest, out Guid uuid);
        lock (_gate)
        {
            return _sidecars.Values
                .Where(sidecar => sidecar.Connected && (sidecar.Guest == guest || (isUuid && sidecar.Key.Uuid == uuid)))
                .OrderByDescending(sidecar => sidecar.Key.Role == GuestRole.Backup)
                .FirstOrDefault();
        }
    }

    private void StopWaiting(SidecarKey key, TaskCompletionSource waiter)
    {
        lock (_gate)
        {
            if (_awaited.TryGetValue(key, out List<TaskCompletionSource>? waiters) && waiters.Remove(waiter) && waiters.Count == 0)
            {
                _awaited.Remove(key);
            }
        }
    }

    private bool IsSilent(RegisteredSidecar sidecar) => !sidecar.Connected || clock.GetElapsedTime(sidecar.HeardAt) > SilentAfter;

    private static string? Clip(string? text) => text?.Length > ControlLimits.MaxTextLength ? text[..ControlLimits.MaxTextLength] : text;
}
