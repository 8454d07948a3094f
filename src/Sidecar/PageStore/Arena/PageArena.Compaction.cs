// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Diagnostics;
using System.Numerics;

namespace Hikae.Sidecar.PageStore;

/// <remarks>
/// Compaction. Churn leaves slabs with holes. Once resident memory is an eighth above the live bytes, pages move from the
/// sparsest slabs of a class into the holes of the fullest, until at most one slab of the class has holes, and that one is
/// packed to its front and its tail given back. Work is bounded per call; what is left continues with the next one. A guest that
/// changes little is packed to a thirty-second part, by less work in each call.
/// </remarks>
internal sealed partial class PageArena
{
    /// <summary>Each class may keep one host page partly filled without that being called waste.</summary>
    private const long ToleratedBytes = (long)SizeClasses.Count * HostPageBytes;

    private const int BusyShare = 8;
    private const int QuietShare = 32;

    // About 1 ms of work.
    private const long MinMoves = 2048;
    private const long QuietMoves = 256;
    private const long QuietPuts = 512;

    private int[] _candidates = [];
    private int[] _candidateOrder = [];
    private int _nextClass;

    /// <summary>After so many pages were put: moves pages if too much is wasted. No span from <see cref="Read"/> may be held across the call.</summary>
    internal void CompactAfter(long puts, ISlotOwners owners)
    {
        if (Wastes(BusyShare))
        {
            Compact(owners, Math.Max(MinMoves, 2 * puts), BusyShare);
        }
        else if (puts < QuietPuts)
        {
            Compact(owners, QuietMoves, QuietShare);
        }
    }

    /// <summary>Whether more than one <paramref name="share"/>th of the live bytes is wasted beside them.</summary>
    private bool Wastes(int share) => ResidentBytes > LiveBytes + (LiveBytes / share) + ToleratedBytes;

    private void Compact(ISlotOwners owners, long maxMoves, int share)
    {
        for (int i = 0; i < SizeClasses.Count && maxMoves > 0 && Wastes(share); i++)
        {
            int sizeClass = _nextClass;
            _nextClass = (_nextClass + 1) % SizeClasses.Count;
            long live = _classUsedSlots[sizeClass] * SizeClasses.SlotBytes(sizeClass);
            if (_classResidentBytes[sizeClass] - live > HostPageBytes + (live / (2 * share)))
            {
                maxMoves -= CompactClass(owners, sizeClass, maxMoves);
            }
        }
    }

    private long CompactClass(ISlotOwners owners, int sizeClass, long maxMoves)
    {
        Span<int> fullestFirst = SortRoomySlabs(sizeClass);
        int into = 0;
        int from = fullestFirst.Length - 1;
        long moves = 0;
        while (into < from && moves < maxMoves)
        {
            if (_slabs[fullestFirst[into]].Used == SlotsPerSlab(sizeClass))
            {
                into++;
                continue;
            }
            bool lastPage = _slabs[fullestFirst[from]].Used == 1;
            MoveHighestSlot(owners, fullestFirst[from], fullestFirst[into]);
            moves++;
            if (lastPage)
            {
                from--;
            }
        }
        // Only the slab where both ends met is packed: the others are full, or their turn comes with the next call.
        if (into == from && _slabs[fullestFirst[into]].Used < SlotsPerSlab(sizeClass))
        {
            moves += Pack(owners, fullestFirst[into]);
        }
        return moves;
    }

    private Span<int> SortRoomySlabs(int sizeClass)
    {
        int count = 0;
        for (int slab = _roomy[sizeClass]; slab != Slab.None; slab = _slabs[slab].Next)
        {
            if (count == _candidates.Length)
            {
                Array.Resize(ref _candidates, Math.Max(256, count * 2));
                Array.Resize(ref _candidateOrder, _candidates.Length);
            }
            _candidates[count] = slab;
            _candidateOrder[count] = -_slabs[slab].Used;
            count++;
        }
        Span<int> sorted = _candidates.AsSpan(0, count);
        _candidateOrder.AsSpan(0, count).Sort(sorted);
        return sorted;
    }

    private long Pack(ISlotOwners owners, int slab)
    {
        long moves = 0;
        while (HighestUsedSlot(slab) > LowestFreeSlot(slab))
        {
            MoveHighestSlot(owners, slab, slab);
            moves++;
        }
        ref Slab notes = ref _slabs[slab];
        int end = RoundUp(notes.Used * SizeClasses.SlotBytes(notes.SizeClass));
        if (end < notes.TouchedBytes)
        {
            Region(slab).Discard(slab % ArenaRegion.SlabsPerRegion, end);
            CountResident(notes.SizeClass, end - notes.TouchedBytes);
            notes.TouchedBytes = end;
        }
        return moves;
    }

    private void MoveHighestSlot(ISlotOwners owners, int fromSlab, int toSlab)
    {
        int fromSlot = HighestUsedSlot(fromSlab);
        int toSlot = TakeLowestSlot(toSlab);
        ReadOnlySpan<byte> bytes = SlotSpan(fromSlab, fromSlot);
        Span<byte> moved = SlotSpan(toSlab, toSlot);
        bytes.CopyTo(moved);
        if (BatchSlot.IsBatch(moved))
        {
            BatchSlot batch = new(moved);
            for (int i = 0; i < batch.Owners; i++)
            {
                owners.Move(batch.Owner(i), (fromSlab, fromSlot), (toSlab, toSlot));
            }
        }
        else
        {
            owners.Move(BinaryPrimitives.ReadUInt64LittleEndian(moved), (fromSlab, fromSlot), (toSlab, toSlot));
        }
        ReleaseSlot(fromSlab, fromSlot);
    }

    private int HighestUsedSlot(int slab)
    {
        Span<ulong> used = UsedSlots(slab);
        for (int word = used.Length - 1; word >= 0; word--)
        {
            if (used[word] != 0)
            {
                return (word * BitsPerWord) + BitsPerWord - 1 - BitOperations.LeadingZeroCount(used[word]);
            }
        }
        throw new UnreachableException($"Slab {slab} is listed as used and holds nothing.");
    }
}
