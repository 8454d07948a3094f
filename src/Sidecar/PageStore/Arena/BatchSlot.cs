// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Diagnostics;

namespace Hikae.Sidecar.PageStore;

/// <summary>A slot of the arena in which several pages' bytes are: neighbours compressed together, or one content that several pages have.</summary>
/// <remarks>
/// <code>
///   8 bytes      bits 0-7 owners, 8-15 contents, 16-31 length of the frame, 32-39 owners there were at first, 63 one: what tells a batch from the name of a single owner
///   8 an owner   as ReplicaBlock names it, with the number of its content in bits 40-47; room for as many as there were at first
///   the rest     one zstd frame of the contents' 4096 bytes each; or one raw page
/// </code>
/// Little-endian; nobody but this process reads it.
/// </remarks>
internal readonly ref struct BatchSlot(Span<byte> slot)
{
    /// <summary>Most pages that point to one slot.</summary>
    internal const int MaxOwners = 32;

    /// <summary>Most contents in one frame.</summary>
    internal const int MaxContents = 16;

    internal const int OwnerBytes = 8;

    private const int HeadBytes = SizeClasses.OwnerBytes;
    private const int PlacesAt = 4;
    private const ulong BatchBit = 1UL << 63;
    private const int ContentShift = 40;
    private const ulong ContentMask = 0xffUL << ContentShift;

    private readonly Span<byte> _slot = slot;

    internal int Owners => _slot[0];

    internal int Contents => _slot[1];

    /// <summary>So many of its contents are nobody's any more that the frame is not worth its place.</summary>
    internal bool IsHollow => Contents == 1 ? Owners == 1 : 4 * Owners < 3 * Contents;

    /// <summary>Several pages have its one content.</summary>
    internal bool IsShared => Contents == 1 && Owners > 1;

    internal ReadOnlySpan<byte> Frame =>
        _slot.Slice(HeadBytes + (_slot[PlacesAt] * OwnerBytes), BinaryPrimitives.ReadUInt16LittleEndian(_slot[2..]));

    internal static bool IsBatch(ReadOnlySpan<byte> slot) => (BinaryPrimitives.ReadUInt64LittleEndian(slot) & BatchBit) != 0;

    /// <summary>What <see cref="Write"/> needs beside the first <see cref="SizeClasses.OwnerBytes"/>.</summary>
    internal static int StoredBytes(int owners, int frameBytes) => (owners * OwnerBytes) + frameBytes;

    /// <summary>An owner, as it is named elsewhere.</summary>
    internal ulong Owner(int index) => Note(index) & ~ContentMask;

    /// <summary>Which of the contents that owner has.</summary>
    internal int ContentOf(int index) => (int)((Note(index) & ContentMask) >> ContentShift);

    internal void Write(ReadOnlySpan<ulong> owners, int contents, ReadOnlySpan<byte> frame)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_slot, BatchBit | (uint)owners.Length | ((ulong)contents << 8) | ((ulong)frame.Length << 16) | ((ulong)owners.Length << (8 * PlacesAt)));
        for (int i = 0; i < owners.Length; i++)
        {
            // Each its own, or all the only one.
            ulong content = contents == 1 ? 0 : (ulong)i;
            BinaryPrimitives.WriteUInt64LittleEndian(_slot[(HeadBytes + (i * OwnerBytes))..], owners[i] | (content << ContentShift));
        }
        frame.CopyTo(_slot[(HeadBytes + (owners.Length * OwnerBytes))..]);
    }

    /// <summary>One owner less; the frame stays where it is. True: nobody is left.</summary>
    internal bool Remove(ulong owner)
    {
        int last = Owners - 1;
        for (int i = 0; i <= last; i++)
        {
            if (Owner(i) == owner)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(_slot[(HeadBytes + (i * OwnerBytes))..], Note(last));
                _slot[0] = (byte)last;
                return last == 0;
            }
        }
        throw new UnreachableException($"Owner 0x{owner:x} is none of the batch's {Owners}.");
    }

    private ulong Note(int index) => BinaryPrimitives.ReadUInt64LittleEndian(_slot[(HeadBytes + (index * OwnerBytes))..]);
}
