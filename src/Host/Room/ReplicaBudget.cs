// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Host.Control;
using Hikae.Host.Metrics;
using Hikae.Protocol.Configuration;
using Hikae.Protocol.Control;
using Microsoft.Extensions.Logging;

namespace Hikae.Host.Room;

/// <summary>Keeps the memory of all replicas on this host within its budget, by taking no further guest.</summary>
/// <remarks>
/// A guest is new until its first checkpoint is whole here; from then on it is never refused again by the process that holds it. Of several new guests the one
/// that came first is not refused for those that came later, or all of them might be, again and again.
/// What a refused guest took is remembered for some time: it would otherwise be copied again each ten seconds, to be refused at the same point.
/// </remarks>
internal sealed class ReplicaBudget(SidecarRegistry registry, BackupConfiguration configuration, string hostName, TimeProvider clock, ILogger logger)
{
    private static readonly TimeSpan RememberedFor = TimeSpan.FromMinutes(10);

    // So that a peer with many UUIDs does not fill our memory.
    private const int MaxRemembered = SidecarRegistry.MaxSidecars;

    private readonly Lock _gate = new();

    // guarded by _gate
    private readonly Dictionary<Guid, (long Bytes, long At)> _refused = [];

    /// <summary>How many bytes a process takes for itself.</summary>
    public Func<int, long> Measure { get; init; } = ProcessMemory.OwnBytes;

    /// <summary>Bytes of this host's memory; null when the kernel does not say, and then there is no limit.</summary>
    public Func<long?> HostBytes { get; init; } = static () => HostMemory.Read()?.TotalBytes;

    /// <summary>Bytes that the replicas may take; null: unlimited.</summary>
    public long? BudgetBytes => HostBytes() is long total ? configuration.Budget.Of(total) : null;

    /// <summary>Bytes that the sidecars of all replicas take now.</summary>
    public long KeptBytes => registry.Backups().Sum(sidecar => Measure(sidecar.Registration.Pid));

    /// <summary>Whether the replica of a new guest may come, or grow on.</summary>
    public Result Ask(Guid guest)
    {
        if (BudgetBytes is not long budget)
        {
            return new Result(true, "");
        }
        IReadOnlyList<RegisteredSidecar> backups = registry.Backups();
        RegisteredSidecar? asker = backups.FirstOrDefault(sidecar => sidecar.Key.Uuid == guest);
        long own = asker is null ? 0 : Measure(asker.Registration.Pid);
        long others = backups.Where(other => other != asker && CountsFor(asker, other)).Sum(other => Measure(other.Registration.Pid));
        lock (_gate)
        {
            long needed = Math.Max(own, Remembered(guest));
            if (others + needed <= budget)
            {
                return new Result(true, "");
            }
            Remember(guest, needed);
            string reason = Sentence(others, own, needed, budget);
            logger.NoRoomForReplica(guest, reason);
            return new Result(false, reason);
        }
    }

    private static bool CountsFor(RegisteredSidecar? asker, RegisteredSidecar other) =>
        other.HasBeenReady || (other.LastStatus is { State: GuestState.Receiving } && (asker is null || other.Number < asker.Number));

    private string Sentence(long others, long own, long needed, long budget)
    {
        string room = $"the backup host {hostName} keeps {Amount(others + own)} of its budget of {Amount(budget)} for replicas";
        return others + own > budget
            ? $"{room}, so it takes no further guest"
            : $"{room}, and this guest takes more than {Amount(needed)}";
    }

    /// <summary>For people.</summary>
    internal static string Amount(long bytes) => $"{bytes >> 20} MiB";

    private long Remembered(Guid guest) =>
        _refused.TryGetValue(guest, out (long Bytes, long At) before) && clock.GetElapsedTime(before.At) < RememberedFor ? before.Bytes : 0;

    private void Remember(Guid guest, long bytes)
    {
        if (_refused.Count >= MaxRemembered)
        {
            _refused.Clear();
        }
        // The time is that of the refusal, not of the last question: once in a while it is tried anew.
        if (Remembered(guest) < bytes)
        {
            _refused[guest] = (bytes, clock.GetTimestamp());
        }
    }
}
