// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.PageStore;

/// <summary>
/// The slot sizes of the arena: steps of 64 bytes, and one class cut exactly for raw pages.
/// </summary>
/// <remarks>
/// A step of 64 wastes 32 bytes of a stored page on average, under 3 % of a typical compressed page; geometric steps of
/// an eighth waste 6 %. Raw pages would waste 56 bytes of every slot, so they have a class of their own size.
/// </remarks>
internal static class SizeClasses
{
    /// <summary>Bytes in front of each slot's stored bytes: the page that owns it.</summary>
    internal const int OwnerBytes = 8;

    private const int StepBytes = 64;
    private const int RawSlotBytes = ReplicationLimits.PageBytes + OwnerBytes;

    /// <summary>Number of classes.</summary>
    internal const int Count = (ReplicationLimits.PageBytes / StepBytes) + 1;

    internal static int Of(int storedBytes)
    {
        int slotBytes = storedBytes + OwnerBytes;
        return slotBytes > ReplicationLimits.PageBytes ? Count - 1 : (slotBytes - 1) / StepBytes;
    }

    internal static int SlotBytes(int sizeClass) => sizeClass == Count - 1 ? RawSlotBytes : (sizeClass + 1) * StepBytes;
}
