// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Control;

namespace Hikae.Sidecar.Output;

/// <summary>What became of the guest's packets since they began to come.</summary>
/// <param name="Packets">How many the guest sent.</param>
/// <param name="Dropped">How many of them were not kept, because too much waited already.</param>
/// <param name="HeldBytes">What waits now.</param>
internal readonly record struct OutputCounters(long Packets, long Dropped, long HeldBytes)
{
    public PacketCounts ToStatus() => new(Packets, Dropped, HeldBytes);

    public static OutputCounters operator +(OutputCounters one, OutputCounters other) =>
        new(one.Packets + other.Packets, one.Dropped + other.Dropped, one.HeldBytes + other.HeldBytes);
}
