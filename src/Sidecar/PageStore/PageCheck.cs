// SPDX-License-Identifier: LGPL-2.1-or-later
using System.IO.Hashing;

namespace Hikae.Sidecar.PageStore;

/// <summary>Proves that what a disk gives is the page that a reference stands for: XXH3-64 of the page, as the primary had it.</summary>
/// <remarks>
/// Against storage, hosts and programs that are not what they should be, not against somebody who chooses contents: that the page equals the block is proven on the
/// primary, with a key. One in 2^64 pages that are wrong is not seen.
/// </remarks>
internal static class PageCheck
{
    public static ulong Of(ReadOnlySpan<byte> page) => XxHash3.HashToUInt64(page);

    /// <summary>Reads a page from its disk until it is right. False: it is not, however often it is read.</summary>
    public static bool TryRead(IDiskBlocks disks, PageEntry entry, ulong check, Span<byte> destination)
    {
        for (int attempt = 0; disks.TryRead(entry.Disk, entry.Block, attempt, destination); attempt++)
        {
            if (Of(destination) == check)
            {
                return true;
            }
        }
        return false;
    }
}
