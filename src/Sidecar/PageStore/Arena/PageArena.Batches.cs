// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.PageStore;

/// <remarks>Batches: slots to which the entries of several pages point.</remarks>
internal sealed partial class PageArena
{
    // Of batches with more than one, and those of them that nobody has any more.
    private long _contents;
    private long _lostContents;

    /// <summary>Bytes of the batches' frames.</summary>
    internal long FrameBytes { get; private set; }

    /// <summary>More than a quarter of what is in batches is nobody's. Then one of them at least is <see cref="BatchSlot.IsHollow"/>.</summary>
    internal bool HasManyLostContents => 4 * _lostContents > _contents;

    /// <summary>The batch that a batched entry points to. Valid until the arena changes.</summary>
    internal BatchSlot Batch(PageEntry entry) => new(SlotSpan(entry.Slab, entry.Slot));

    /// <summary>Memory of the slot that an entry points to.</summary>
    internal int SlotBytes(PageEntry entry) => SizeClasses.SlotBytes(_slabs[entry.Slab].SizeClass);

    /// <summary>Puts a frame into a slot for several owners, of which each has the content of its number, or all have the only one.</summary>
    internal (int Slab, int Slot) StoreBatch(ReadOnlySpan<ulong> owners, int contents, ReadOnlySpan<byte> frame)
    {
        (int slab, int slot) = TakeSlot(SizeClasses.Of(BatchSlot.StoredBytes(owners.Length, frame.Length)));
        new BatchSlot(SlotSpan(slab, slot)).Write(owners, contents, frame);
        FrameBytes += frame.Length;
        _contents += contents > 1 ? contents : 0;
        return (slab, slot);
    }

    /// <summary>The owner's entry is gone. With the last one the slot may be used again.</summary>
    internal void ReleaseFromBatch(PageEntry entry, ulong owner)
    {
        BatchSlot batch = Batch(entry);
        int frameBytes = batch.Frame.Length;
        int contents = batch.Contents > 1 ? batch.Contents : 0;
        _lostContents += contents > 0 ? 1 : 0;
        if (batch.Remove(owner))
        {
            FrameBytes -= frameBytes;
            _contents -= contents;
            _lostContents -= contents;
            ReleaseSlot(entry.Slab, entry.Slot);
        }
    }
}
