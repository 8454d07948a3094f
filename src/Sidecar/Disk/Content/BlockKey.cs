// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Content;

/// <summary>A block of 4 KiB of one of the guest's disks, in eight bytes that are never all zero.</summary>
/// <param name="Bits">The disk's number plus one in the upper 13 bits, the block's index in the rest.</param>
internal readonly record struct BlockKey(ulong Bits)
{
    /// <summary>Disks are numbered below this, in the order in which this process ever served them.</summary>
    public const int MaxDisks = (1 << 13) - 1;

    // 2^51 blocks of 4 KiB are 2^63 bytes: no disk is larger.
    private const int BlockBits = 51;

    public static BlockKey Of(int disk, long block) => new(((ulong)(disk + 1) << BlockBits) | (ulong)block);

    public int Disk => (int)(Bits >> BlockBits) - 1;

    public long Block => (long)(Bits & ((1UL << BlockBits) - 1));
}
