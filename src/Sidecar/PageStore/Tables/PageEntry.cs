// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.PageStore;

/// <summary>
/// The 8 bytes the store spends on every page: what it is and, for a hard page, where its bytes lie.
/// </summary>
/// <remarks>
/// <code>
///   bits  0-1   kind       0 nothing said, 1 zero, 2 free, 3 hard
///   bits  2-14  length     stored bytes of a hard page, 1 to 4096
///   bits 16-47  slab       number of the arena's slab
///   bits 48-63  slot       slot within that slab
/// </code>
/// "Nothing said" is all zero bits, so table memory that was never touched needs no initialisation and takes no
/// memory. In the committed table it reads as zero page; in the staging table as "this epoch does not mention it".
/// </remarks>
internal readonly record struct PageEntry(ulong Bits)
{
    private const int LengthShift = 2;
    private const int SlabShift = 16;
    private const int SlotShift = 48;
    private const ulong LengthMask = 0x1fff;
    private const ulong PlaceMask = ~0xffffUL;

    internal const ulong NothingBits = 0;
    internal const ulong ZeroBits = 1;
    internal const ulong FreeBits = 2;
    private const ulong HardBits = 3;
    private const ulong KindMask = 3;

    internal static PageEntry Hard(int slab, int slot, int lengthBytes) =>
        new(HardBits | ((ulong)lengthBytes << LengthShift) | ((ulong)(uint)slab << SlabShift) | ((ulong)slot << SlotShift));

    internal bool IsNothing => Bits == NothingBits;
    internal bool IsFree => (Bits & KindMask) == FreeBits;
    internal bool IsHard => (Bits & KindMask) == HardBits;
    internal int LengthBytes => (int)((Bits >> LengthShift) & LengthMask);
    internal int Slab => (int)(uint)(Bits >> SlabShift);
    internal int Slot => (int)(Bits >> SlotShift);

    internal bool IsAt(int slab, int slot) => IsHard && Slab == slab && Slot == slot;

    internal PageEntry MovedTo(int slab, int slot) =>
        new((Bits & ~PlaceMask) | ((ulong)(uint)slab << SlabShift) | ((ulong)slot << SlotShift));
}
