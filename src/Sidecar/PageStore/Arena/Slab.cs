// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.PageStore;

/// <summary>The arena's notes on one slab. Kept outside the slab, so that an empty slab takes no memory at all.</summary>
internal struct Slab
{
    /// <summary>End of a list of slabs.</summary>
    internal const int None = -1;

    /// <summary>Neighbours in the list of this class's slabs that have room, or in the list of empty slabs.</summary>
    internal int Next;
    internal int Previous;

    /// <summary>Slots in use.</summary>
    internal int Used;

    /// <summary>End of the memory that was ever written since it was last given back: what is resident.</summary>
    internal int TouchedBytes;

    /// <summary>Size class of the slots; meaningless while the slab is empty.</summary>
    internal byte SizeClass;

    /// <summary>No slot below 64 times this is free.</summary>
    internal byte FirstRoomyWord;
}
