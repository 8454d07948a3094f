// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.PageStore;

/// <summary>
/// The 8 bytes the store spends on every page: what it is and, for a hard page, where its bytes lie.
/// </summary>
/// <remarks>
/// <code>
///   bits  0-2   kind       0 nothing said, 1 zero, 2 free, 3 hard, 4 on disk, 5 hard, its bytes in a batch
///   hard:
///   bits  3-15  length     stored bytes, 1 to 4096; in a batch: which of its contents, from 0
///   bits 16-47  slab       number of the arena's slab
///   bits 48-63  slot       slot within that slab
///   on disk:
///   bits  3-12  disk       index in the guest's disk list
///   bits 13-63  block      of that disk, of 4096 bytes: 2^51 of them are 2^63 bytes
/// </code>
/// "Nothing said" is all zero bits, so table memory that was never touched needs no initialisation and takes no
/// memory. In the committed table it reads as zero page; in the staging table as "this epoch does not mention it".
/// </remarks>
internal readonly record struct PageEntry(ulong Bits)
{
    private const int LengthShift = 3;
    private const int DiskShift = 3;
    private const int BlockShift = 13;
    private const int SlabShift = 16;
    private const int SlotShift = 48;
    private const ulong LengthMask = 0x1fff;
    private const ulong DiskMask = 0x3ff;
    private const ulong PlaceMask = ~0xffffUL;

    internal const ulong NothingBits = 0;
    internal const ulong ZeroBits = 1;
    internal const ulong FreeBits = 2;
    private const ulong HardBits = 3;
    private const ulong DiskBits = 4;
    private const ulong BatchedBits = 5;
    private const ulong KindMask = 7;

    internal static PageEntry Hard(int slab, int slot, int lengthBytes) =>
        new(HardBits | ((ulong)lengthBytes << LengthShift) | ((ulong)(uint)slab << SlabShift) | ((ulong)slot << SlotShift));

    /// <summary>A hard page whose bytes are in a batch, see <see cref="BatchSlot"/>.</summary>
    internal static PageEntry Batched(int slab, int slot, int content) =>
        new(BatchedBits | ((ulong)content << LengthShift) | ((ulong)(uint)slab << SlabShift) | ((ulong)slot << SlotShift));

    internal static PageEntry OnDisk(int disk, long block) =>
        new(DiskBits | ((ulong)disk << DiskShift) | ((ulong)block << BlockShift));

    internal bool IsNothing => Bits == NothingBits;
    internal bool IsFree => (Bits & KindMask) == FreeBits;
    internal bool IsHard => (Bits & KindMask) is HardBits or BatchedBits;
    internal bool IsBatched => (Bits & KindMask) == BatchedBits;
    internal bool IsOnDisk => (Bits & KindMask) == DiskBits;
    internal int Disk => (int)((Bits >> DiskShift) & DiskMask);
    internal long Block => (long)(Bits >> BlockShift);

    /// <summary>Stored bytes of a hard page that has a slot of its own; 0 of one in a batch.</summary>
    internal int LengthBytes => IsBatched ? 0 : (int)((Bits >> LengthShift) & LengthMask);

    /// <summary>Which of its batch's contents the page has.</summary>
    internal int Content => (int)((Bits >> LengthShift) & LengthMask);

    internal int Slab => (int)(uint)(Bits >> SlabShift);
    internal int Slot => (int)(Bits >> SlotShift);

    internal bool IsAt(int slab, int slot) => IsHard && Slab == slab && Slot == slot;

    internal PageEntry MovedTo(int slab, int slot) =>
        new((Bits & ~PlaceMask) | ((ulong)(uint)slab << SlabShift) | ((ulong)slot << SlotShift));
}
