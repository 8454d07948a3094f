// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Host.Metrics;
using Hikae.Protocol.Configuration;
using Hikae.Protocol.Control;

namespace Hikae.Host.Room;

/// <summary>Whether this host's memory suffices for one guest more.</summary>
/// <remarks>
/// A guest is counted with all the memory it was given, also while it uses little of it: what runs here must not be killed later because a failover took memory that was
/// promised to it. A replica is there until its guest has all its memory, so for a moment both are.
/// </remarks>
internal sealed class GuestRoom(ReplicaBudget replicas, RunningGuests running, BackupConfiguration configuration)
{
    /// <summary>Of this host; null when the kernel does not say, and then there is no limit.</summary>
    public Func<HostMemory?> Memory { get; init; } = HostMemory.Read;

    /// <summary>How things are now, to ask about several guests.</summary>
    public View Look() => new(Memory(), running.Read(), replicas.KeptBytes, configuration.Memory);

    /// <summary>This host's memory at one moment.</summary>
    /// <param name="memory">Of the host.</param>
    /// <param name="guests">What each guest that runs here was given.</param>
    /// <param name="kept">What the replicas take.</param>
    /// <param name="most">What both may take.</param>
    internal sealed class View(HostMemory? memory, Dictionary<Guid, long> guests, long kept, MemoryAmount most)
    {
        /// <summary>Null: there is room. Else a sentence with the figures.</summary>
        /// <param name="asked">The guest to be started.</param>
        /// <param name="granted">Guests that are being started, and may not be seen yet.</param>
        public string? WhyNot(AskTurn asked, IReadOnlyCollection<AskTurn> granted)
        {
            if (memory is null)
            {
                return null;
            }
            // Its own domain may have been prepared, and those that are started may not have one yet.
            long started = granted.Sum(other => Math.Max(other.GuestBytes, guests.GetValueOrDefault(other.Uuid)));
            long running = guests.Where(guest => guest.Key != asked.Uuid && granted.All(other => other.Uuid != guest.Key)).Sum(guest => guest.Value);
            long limit = most.Of(memory.TotalBytes);
            if (asked.GuestBytes > limit - started - running - kept)
            {
                return $"it has {ReplicaBudget.Amount(asked.GuestBytes)} of memory, and of the {ReplicaBudget.Amount(limit)} that guests and replicas may take here the guests have {ReplicaBudget.Amount(started + running)} and the replicas {ReplicaBudget.Amount(kept)}";
            }
            long available = memory.AvailableBytes - granted.Sum(other => other.UsedBytes);
            return asked.UsedBytes > available
                ? $"it uses {ReplicaBudget.Amount(asked.UsedBytes)} of memory, and this host has {ReplicaBudget.Amount(Math.Max(0, available))} left"
                : null;
        }
    }
}
