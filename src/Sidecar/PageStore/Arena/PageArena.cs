// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.PageStore;

/// <summary>
/// Holds the stored bytes of hard pages, each between 1 and 4096 bytes long, and gives memory back as soon as it can.
/// </summary>
/// <remarks>
/// Theory of operation. Address space comes in regions of 64 MiB, cut into slabs of 256 KiB. A slab serves slots of one
/// size while it holds any; once empty its memory goes back to the kernel and any class may take it. The lowest free slot
/// of a slab is used first, so a slab that is filled for the first time takes only the memory up to its last slot.
/// Each slot starts with 8 bytes naming the page that owns it, or with those of a batch, which names several (PageArena.Batches.cs). So a sparse slab can be emptied
/// without looking at the page table of the whole guest: see PageArena.Compaction.cs.
///
/// Invariant: a slot is in use exactly when an entry, staged or committed, points to it, and as many do as it has owners.
/// </remarks>
internal sealed partial class PageArena : IDisposable
{
    private const int HostPageBytes = 4096;
    private const int BitsPerWord = 64;

    private readonly List<ArenaRegion> _regions = [];
    private readonly int[] _roomy = new int[SizeClasses.Count];
    private readonly long[] _classResidentBytes = new long[SizeClasses.Count];
    private readonly long[] _classUsedSlots = new long[SizeClasses.Count];
    private Slab[] _slabs = [];
    private int _empty = Slab.None;

    internal PageArena() => Array.Fill(_roomy, Slab.None);

    /// <summary>Bytes of all slots in use, with their owner notes and rounding.</summary>
    internal long LiveBytes { get; private set; }

    /// <summary>Memory the arena occupies, counted by itself in whole host pages.</summary>
    internal long ResidentBytes { get; private set; }

    /// <summary>Grows whenever bytes that lie somewhere may be other ones from now on.</summary>
    internal long Changes { get; private set; }

    /// <summary>Memory for the notes on slabs.</summary>
    internal long NotesBytes => (long)_regions.Count * ArenaRegion.SlabsPerRegion * ((ArenaRegion.WordsPerSlab * sizeof(ulong)) + Unsafe.SizeOf<Slab>());

    /// <summary>Copies <paramref name="stored"/> into a slot. <paramref name="owner"/> is what <see cref="ISlotOwners"/> will be asked about.</summary>
    internal PageEntry Store(ulong owner, ReadOnlySpan<byte> stored)
    {
        (int slab, int slot) = TakeSlot(SizeClasses.Of(stored.Length));
        Span<byte> bytes = SlotSpan(slab, slot);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, owner);
        stored.CopyTo(bytes[SizeClasses.OwnerBytes..]);
        return PageEntry.Hard(slab, slot, stored.Length);
    }

    /// <summary>The bytes of a hard entry, as they were stored. Valid until the entry is released or the arena compacted.</summary>
    internal ReadOnlySpan<byte> Read(PageEntry entry) =>
        SlotSpan(entry.Slab, entry.Slot).Slice(SizeClasses.OwnerBytes, entry.LengthBytes);

    /// <summary>The entry, which is in no batch, is gone: its slot may be used again.</summary>
    internal void Release(PageEntry entry) => ReleaseSlot(entry.Slab, entry.Slot);

    public void Dispose()
    {
        foreach (ArenaRegion region in _regions)
        {
            region.Dispose();
        }
        _regions.Clear();
    }

    private static int SlotsPerSlab(int sizeClass) => ArenaRegion.SlabBytes / SizeClasses.SlotBytes(sizeClass);

    private ArenaRegion Region(int slab) => _regions[slab / ArenaRegion.SlabsPerRegion];

    private Span<ulong> UsedSlots(int slab) => Region(slab).UsedSlots(slab % ArenaRegion.SlabsPerRegion);

    private Span<byte> SlotSpan(int slab, int slot)
    {
        int slotBytes = SizeClasses.SlotBytes(_slabs[slab].SizeClass);
        return Region(slab).Slab(slab % ArenaRegion.SlabsPerRegion).Slice(slot * slotBytes, slotBytes);
    }

    private (int Slab, int Slot) TakeSlot(int sizeClass)
    {
        int slab = _roomy[sizeClass] is int roomy and not Slab.None ? roomy : TakeEmptySlab(sizeClass);
        return (slab, TakeLowestSlot(slab));
    }

    private int TakeLowestSlot(int slab)
    {
        ref Slab notes = ref _slabs[slab];
        int slot = LowestFreeSlot(slab);
        notes.FirstRoomyWord = (byte)(slot / BitsPerWord);
        UsedSlots(slab)[slot / BitsPerWord] |= 1UL << (slot % BitsPerWord);
        notes.Used++;
        int slotBytes = SizeClasses.SlotBytes(notes.SizeClass);
        LiveBytes += slotBytes;
        _classUsedSlots[notes.SizeClass]++;
        int end = RoundUp((slot + 1) * slotBytes);
        if (end > notes.TouchedBytes)
        {
            CountResident(notes.SizeClass, end - notes.TouchedBytes);
            notes.TouchedBytes = end;
        }
        if (notes.Used == SlotsPerSlab(notes.SizeClass))
        {
            Unlink(slab);
        }
        return slot;
    }

    private int LowestFreeSlot(int slab)
    {
        Span<ulong> used = UsedSlots(slab);
        for (int word = _slabs[slab].FirstRoomyWord; word < used.Length; word++)
        {
            if (used[word] != ulong.MaxValue)
            {
                return (word * BitsPerWord) + BitOperations.TrailingZeroCount(~used[word]);
            }
        }
        throw new UnreachableException($"Slab {slab} is listed as having room and has none.");
    }

    private void ReleaseSlot(int slab, int slot)
    {
        Changes++;
        ref Slab notes = ref _slabs[slab];
        ref ulong word = ref UsedSlots(slab)[slot / BitsPerWord];
        Debug.Assert((word >> (slot % BitsPerWord) & 1) == 1, "slot released twice");
        word &= ~(1UL << (slot % BitsPerWord));
        notes.FirstRoomyWord = (byte)Math.Min(notes.FirstRoomyWord, slot / BitsPerWord);
        LiveBytes -= SizeClasses.SlotBytes(notes.SizeClass);
        _classUsedSlots[notes.SizeClass]--;
        if (notes.Used == SlotsPerSlab(notes.SizeClass))
        {
            LinkRoomy(slab);
        }
        notes.Used--;
        if (notes.Used == 0)
        {
            Unlink(slab);
            CountResident(notes.SizeClass, -notes.TouchedBytes);
            notes.TouchedBytes = 0;
            Region(slab).Discard(slab % ArenaRegion.SlabsPerRegion, 0);
            notes.Next = _empty;
            _empty = slab;
        }
    }

    private int TakeEmptySlab(int sizeClass)
    {
        if (_empty == Slab.None)
        {
            AddRegion();
        }
        int slab = _empty;
        ref Slab notes = ref _slabs[slab];
        _empty = notes.Next;
        notes.SizeClass = (byte)sizeClass;
        notes.FirstRoomyWord = 0;
        LinkRoomy(slab);
        return slab;
    }

    private void AddRegion()
    {
        int first = _regions.Count * ArenaRegion.SlabsPerRegion;
        _regions.Add(new ArenaRegion());
        int needed = first + ArenaRegion.SlabsPerRegion;
        if (_slabs.Length < needed)
        {
            Array.Resize(ref _slabs, Math.Max(needed, _slabs.Length * 2));
        }
        for (int slab = needed - 1; slab >= first; slab--)
        {
            _slabs[slab].Next = _empty;
            _empty = slab;
        }
    }

    private void LinkRoomy(int slab)
    {
        ref Slab notes = ref _slabs[slab];
        ref int head = ref _roomy[notes.SizeClass];
        notes.Previous = Slab.None;
        notes.Next = head;
        if (head != Slab.None)
        {
            _slabs[head].Previous = slab;
        }
        head = slab;
    }

    private void Unlink(int slab)
    {
        ref Slab notes = ref _slabs[slab];
        if (notes.Previous == Slab.None)
        {
            _roomy[notes.SizeClass] = notes.Next;
        }
        else
        {
            _slabs[notes.Previous].Next = notes.Next;
        }
        if (notes.Next != Slab.None)
        {
            _slabs[notes.Next].Previous = notes.Previous;
        }
    }

    private void CountResident(int sizeClass, int bytes)
    {
        ResidentBytes += bytes;
        _classResidentBytes[sizeClass] += bytes;
    }

    // Slabs are 64 host pages long, so rounding up never leaves the slab.
    private static int RoundUp(int bytes) => (bytes + HostPageBytes - 1) & -HostPageBytes;
}
