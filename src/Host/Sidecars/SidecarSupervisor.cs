// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Collections.Concurrent;
using Hikae.Host.Control;
using Hikae.Native.Linux;
using Hikae.Protocol.Control;
using Microsoft.Extensions.Logging;

namespace Hikae.Host.Sidecars;

/// <summary>Sees to it that every guest that wants one has a sidecar, and that one that died has a successor.</summary>
/// <remarks>
/// Theory of operation. A sidecar says goodbye before it ends by intent. Its connection closed without that means: it crashed, or it only
/// lost the connection. So its process is waited for; if it registers again first, nothing happened. When a primary's process is gone, "runs
/// alone" is claimed and then the next one started: in this order, because the new sidecar lets the guest's output go.
/// A backup's successor is started by the primary's next link; only one that had begun to recover its guest is started again at once. What another may
/// have left, a domain that waits for the guest, is ended by a primary's sidecar, which finds nobody else at it.
///
/// A guest that the dead sidecar had paused is resumed by the next one, by the marker in the run directory.
/// Invariant: for one sidecar at most one task of ours waits or starts.
/// </remarks>
internal sealed class SidecarSupervisor(
    SidecarRegistry registry, SidecarStart start, LoneOwnership ownership, TimeProvider clock, ILogger logger, CancellationToken ending)
    : ISidecarDeaths
{
    /// <summary>How long a process may take from its start to its registration, on a busy host.</summary>
    public static readonly TimeSpan RegistrationLimit = TimeSpan.FromSeconds(15);

    /// <summary>How long the hook, or a sidecar that is reconnecting to a new hikaed, has until we start one ourselves.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan RunningPoll = TimeSpan.FromMilliseconds(200);

    private static readonly TimeSpan SilenceReportedAfter = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<SidecarKey, byte> _busy = new();
    private readonly ConcurrentDictionary<SidecarKey, RestartBackoff> _backoffs = new();

    /// <inheritdoc/>
    public void Lost(RegisteredSidecar sidecar) => Begin(sidecar.Key, sidecar, () => SucceedAsync(sidecar));

    /// <summary>A primary's sidecar ended because its guest's annotation was gone; it may have come back before it had ended. Must not wait.</summary>
    public event Action<Guid>? ProtectionEnded;

    /// <summary>A backup's sidecar died that had not begun to recover its guest. Must not wait.</summary>
    public event Action<Guid>? BackupDied;

    /// <summary>Whether the guest runs here and wants a primary's sidecar, as far as can be known; waits for libvirt. Set once.</summary>
    public Func<Guid, bool> IsWanted { get; set; } = static _ => true;

    /// <inheritdoc/>
    public void Left(RegisteredSidecar sidecar)
    {
        if (sidecar is { Key.Role: GuestRole.Primary, LastStatus: { State: GuestState.Ending, Reason: GuestStatus.Disabled } })
        {
            ProtectionEnded?.Invoke(sidecar.Key.Uuid);
        }
    }

    /// <summary>The guest runs and wants a primary's sidecar. Does nothing if it has one, or gets one within <paramref name="grace"/>.</summary>
    /// <param name="guest">The guest.</param>
    /// <param name="grace"><see cref="Grace"/> where somebody else may be starting one; zero where nobody else will: no hook fires for an annotation.</param>
    public void Ensure(Guid guest, TimeSpan grace)
    {
        var key = new SidecarKey(guest, GuestRole.Primary);
        if (registry.Connected(key) is null)
        {
            Begin(key, handled: null, () => EnsureAsync(key, grace));
        }
    }

    /// <summary>
    /// A takeover of this guest has begun here and is not over. The backup's sidecar that was at it registers again with this hikaed, or it was killed while no
    /// hikaed lived: then the next one goes on.
    /// </summary>
    public void TakeUp(Guid guest)
    {
        var key = new SidecarKey(guest, GuestRole.Backup);
        Begin(key, handled: null, async () =>
        {
            TimeSpan patience = Grace;
            do
            {
                if (await registry.WaitForAsync(key, patience, ending).ConfigureAwait(false) is not null)
                {
                    return;
                }
                patience = RunningPoll;
            }
            while (start.IsDraining(guest));
            await StartAsync(key, hasDied: false, static () => { }).ConfigureAwait(false);
        });
    }

    /// <summary>A domain waits here for the guest to go on in. If nobody is at it, within <see cref="Grace"/>, a sidecar is started that ends it.</summary>
    public void EnsureIncoming(Guid guest)
    {
        var maker = new SidecarKey(guest, GuestRole.Backup);
        if (registry.Connected(maker) is not null)
        {
            return;
        }
        // By the key of the one that is started: the maker's own task may not be over yet.
        var key = new SidecarKey(guest, GuestRole.Primary);
        Begin(key, handled: null, async () =>
        {
            if (await registry.WaitForAsync(maker, Grace, ending).ConfigureAwait(false) is null && !start.Takeovers().Contains(guest))
            {
                try
                {
                    await start.Launcher.StartAsync(key, ending).ConfigureAwait(false);
                }
                catch (SidecarStartException error)
                {
                    logger.SidecarStartFailed(GuestRole.Primary, guest, error.Message);
                }
            }
        });
    }

    /// <summary>The guest is gone: its next sidecar's deaths are counted from the start.</summary>
    public void Forget(Guid guest)
    {
        registry.Forget(new SidecarKey(guest, GuestRole.Primary));
        CountAfresh(guest);
    }

    /// <summary>Nobody wants this guest protected. Once somebody does, its sidecar is started without delay: the last one did not die, it was sent away.</summary>
    public void CountAfresh(Guid guest) => _backoffs.TryRemove(new SidecarKey(guest, GuestRole.Primary), out _);

    /// <summary>Starts a sidecar and waits for it; null: it did not come.</summary>
    public async Task<RegisteredSidecar?> StartAndWaitAsync(SidecarKey key)
    {
        logger.SidecarStarting(key.Role, key.Uuid);
        try
        {
            await start.Launcher.StartAsync(key, ending).ConfigureAwait(false);
        }
        catch (SidecarStartException error)
        {
            logger.SidecarStartFailed(key.Role, key.Uuid, error.Message);
            return null;
        }
        RegisteredSidecar? started = await registry.WaitForAsync(key, RegistrationLimit, ending).ConfigureAwait(false);
        if (started is null)
        {
            logger.SidecarStartFailed(key.Role, key.Uuid, $"it did not register within {RegistrationLimit.TotalSeconds} s");
        }
        return started;
    }

    private void Begin(SidecarKey key, RegisteredSidecar? handled, Func<Task> work)
    {
        if (!_busy.TryAdd(key, 0))
        {
            return;
        }
        _ = Task.Run(
            async () =>
            {
                try
                {
                    await work().ConfigureAwait(false);
                }
                catch (OperationCanceledException) when (ending.IsCancellationRequested)
                {
                    // hikaed ends; the next one looks after the guest.
                }
                catch (Exception error) when (error is LinuxException or IOException or InvalidOperationException)
                {
                    logger.SupervisionFailed(key.Uuid, error);
                }
                finally
                {
                    _busy.TryRemove(key, out _);
                }
                // One that died while this task was about to end was not taken up by Lost.
                if (registry.Lost(key) is RegisteredSidecar lost && lost != handled && !ending.IsCancellationRequested)
                {
                    Lost(lost);
                }
            },
            CancellationToken.None);
    }

    private async Task EnsureAsync(SidecarKey key, TimeSpan grace)
    {
        if (await registry.WaitForAsync(key, grace, ending).ConfigureAwait(false) is not null)
        {
            return;
        }
        // A process that lives and has not registered yet is starting, or is reconnecting to a new hikaed.
        while (start.IsRunning(key))
        {
            if (await registry.WaitForAsync(key, RunningPoll, ending).ConfigureAwait(false) is not null)
            {
                return;
            }
        }
        await StartPrimaryAsync(key, hasDied: false).ConfigureAwait(false);
    }

    private async Task SucceedAsync(RegisteredSidecar sidecar)
    {
        SidecarKey key = sidecar.Key;
        if (!await EndedAsync(sidecar).ConfigureAwait(false))
        {
            return;
        }
        GuestState? state = sidecar.LastStatus?.State;
        logger.SidecarDied(key.Role, sidecar.Guest, key.Uuid, state?.ToString() ?? "unknown");
        if (key.Role == GuestRole.Primary)
        {
            await StartPrimaryAsync(key, hasDied: true).ConfigureAwait(false);
        }
        else if (state is GuestState.Recovering or GuestState.Recovered)
        {
            await StartAsync(key, hasDied: true, static () => { }).ConfigureAwait(false);
        }
        else
        {
            registry.Forget(key);
            BackupDied?.Invoke(key.Uuid);
        }
    }

    private Task StartPrimaryAsync(SidecarKey key, bool hasDied) => StartAsync(key, hasDied, () => ownership.Claim(key.Uuid));

    private async Task StartAsync(SidecarKey key, bool hasDied, Action before)
    {
        RestartBackoff backoff = _backoffs.GetOrAdd(key, _ => new RestartBackoff(clock));
        while (registry.Connected(key) is null)
        {
            TimeSpan delay = hasDied ? backoff.Next() : TimeSpan.Zero;
            hasDied = true;
            if (delay > TimeSpan.Zero)
            {
                logger.RestartDelayed(key.Uuid, backoff.Count, delay.TotalSeconds);
                if (await registry.WaitForAsync(key, delay, ending).ConfigureAwait(false) is not null)
                {
                    return;
                }
            }
            before();
            if (await StartAndWaitAsync(key).ConfigureAwait(false) is not null)
            {
                return;
            }
            // It may have found nothing to do: a guest that has ended meanwhile, and no writes left.
            if (key.Role is GuestRole.Primary && !start.IsDraining(key.Uuid) && !start.IsLeftUndrained(key.Uuid)
                && !await Task.Run(() => IsWanted(key.Uuid), ending).ConfigureAwait(false))
            {
                _backoffs.TryRemove(key, out _);
                return;
            }
        }
    }

    /// <summary>Waits for the process. False: it registered again instead.</summary>
    private async Task<bool> EndedAsync(RegisteredSidecar sidecar)
    {
        PidFd process;
        try
        {
            process = PidFd.Open(sidecar.Registration.Pid);
        }
        catch (LinuxException)
        {
            return registry.Connected(sidecar.Key) is null;
        }
        using (process)
        {
            long start = clock.GetTimestamp();
            bool reported = false;
            while (!process.HasExited)
            {
                // The process cannot be awaited without a thread; a registration can. So it is looked at ten times a second.
                if (await registry.WaitForAsync(sidecar.Key, TimeSpan.FromMilliseconds(100), ending).ConfigureAwait(false) is not null)
                {
                    return false;
                }
                if (!reported && clock.GetElapsedTime(start) > SilenceReportedAfter)
                {
                    logger.SidecarSilent(sidecar.Key.Role, sidecar.Key.Uuid, sidecar.Registration.Pid);
                    reported = true;
                }
            }
        }
        return registry.Connected(sidecar.Key) is null;
    }
}
