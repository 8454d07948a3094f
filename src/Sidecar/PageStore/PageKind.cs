// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.PageStore;

/// <summary>What the committed checkpoint knows of one page.</summary>
internal enum PageKind
{
    /// <summary>All bytes are zero. Also every page that was never mentioned.</summary>
    Zero,

    /// <summary>The guest's allocator held it as free; after a failover it reads as zero, never as stale bytes.</summary>
    Free,

    /// <summary>Its bytes are kept here.</summary>
    Hard,

    /// <summary>It equals a block of one of the guest's disks as of this checkpoint.</summary>
    OnDisk,
}
