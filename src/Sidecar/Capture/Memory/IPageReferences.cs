// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.Capture;

/// <summary>Pages that the backup was told to read from the guest's disks, as capture needs to know of them. Checkpoint thread.</summary>
internal interface IPageReferences
{
    /// <summary>The guest's RAM blocks change, and all pages are copied anew: no reference of before counts, and none is made before the link has the new blocks, too.</summary>
    void CloseReferences(IReadOnlyList<RamBlockInfo> next);

    /// <summary>RAM blocks have come behind those of before, which keep their references.</summary>
    void GrowReferences(IReadOnlyList<RamBlockInfo> next);

    /// <summary>
    /// Adds the pages whose block on the disk was changed, or is about to be, in ascending order. They must be copied in this epoch like written pages, as the backup
    /// loses what it was told to read; they are not named again.
    /// </summary>
    void TakeStale(List<PageRun> pages);

    /// <summary>
    /// Adds pages, <paramref name="most"/> of them, that the backup has, and that may equal a block of the guest's disks by now. To look at them again is a favour to the
    /// backup: they count as written neither before nor after, and are not named again for the same block.
    /// </summary>
    void TakeWanted(List<PageRun> pages, int most);
}
