// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Buffer;

/// <summary>Sizes of the buffer, each with its reason.</summary>
internal static class BufferLimits
{
    /// <summary>A second of a fast guest's writes.</summary>
    public const long DefaultMaxBytes = 256L << 20;

    /// <summary>
    /// What a disk's writes may take on the backup, all of it: the primary's bound and reserve, and its bound once more, because it hears of a flush, and fills
    /// what that freed, before the backup does.
    /// </summary>
    public static long ReplicaBytes(long maxBytes) => (2 * maxBytes) + DefaultReserveBytes;

    /// <summary>
    /// What may be written past the bound because a checkpoint waits for it: all that QEMU has taken from the guest's queues when it stops the
    /// processors (256 requests of 1 MiB for each of four queues). Address space only, until it is needed.
    /// </summary>
    public const long DefaultReserveBytes = 1L << 30;

    /// <summary>Small enough that half-filled ones waste little, large enough that a 64 KiB write seldom meets an end.</summary>
    public const int MaxSegmentBytes = 4 << 20;

    /// <summary>So that a buffer of a few MiB, in a test, has many.</summary>
    public const int MinSegmentBytes = 64 << 10;

    /// <summary>A write is cut at a segment's end only if this much of it fits.</summary>
    public const int MinPieceBytes = 4096;

    /// <summary>Memory of segments that were not needed for this long goes back to the host.</summary>
    public static readonly TimeSpan IdleSegments = TimeSpan.FromSeconds(10);
}
