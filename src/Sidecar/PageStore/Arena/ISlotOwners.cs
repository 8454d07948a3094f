// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.PageStore;

/// <summary>Whoever keeps the entries: told when compaction moves a page's bytes.</summary>
internal interface ISlotOwners
{
    /// <summary>The entry of <paramref name="owner"/> that points to the first place must point to the second.</summary>
    void Move(ulong owner, (int Slab, int Slot) from, (int Slab, int Slot) to);
}
