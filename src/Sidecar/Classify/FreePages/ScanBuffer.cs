// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;

namespace Hikae.Sidecar.Classify;

/// <summary>The answer to one scan while it is filled, handed over and used. One thread holds it at a time.</summary>
internal sealed class ScanBuffer
{
    internal ScanBuffer(IReadOnlyList<RamBlockInfo> blocks)
    {
        Free = [.. blocks.Select(block => new PageBitmap(block.PageCount))];
    }

    /// <summary>Free pages, one bitmap per RAM block.</summary>
    internal PageBitmap[] Free { get; }

    internal ulong ScanNumber { get; set; }

    /// <summary>Clean page cache by the guest's word, pages.</summary>
    internal long CachePages { get; set; }

    /// <summary>The guest's word, bounded.</summary>
    internal TimeSpan ScanTime { get; set; }

    internal void Reset(ulong scanNumber)
    {
        ScanNumber = scanNumber;
        CachePages = 0;
        foreach (PageBitmap bitmap in Free)
        {
            bitmap.Clear();
        }
    }
}
