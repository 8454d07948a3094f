// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Guest.Pages;

/// <summary>Takes the bitmaps of a scan, slice by slice.</summary>
internal interface ISliceSink
{
    /// <param name="firstPfn">The page frame of the bitmaps' first bit.</param>
    /// <param name="pages">Bits used of each bitmap.</param>
    /// <param name="both">The bitmap of free pages, then that of clean page cache, equally long; borrowed for the call.</param>
    void Take(ulong firstPfn, int pages, ReadOnlySpan<byte> both);
}
