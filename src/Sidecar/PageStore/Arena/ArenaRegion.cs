// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Linux;

namespace Hikae.Sidecar.PageStore;

/// <summary>64 MiB of address space that the arena cuts into slabs, and the bitmaps of their used slots.</summary>
internal sealed class ArenaRegion : IDisposable
{
    internal const int SlabBytes = 256 * 1024;
    internal const int SlabsPerRegion = 256;

    /// <summary>One bit for each slot of the smallest class.</summary>
    internal const int WordsPerSlab = SlabBytes / 64 / 64;

    private readonly AnonymousMemory _memory = new((long)SlabBytes * SlabsPerRegion);
    private readonly ulong[] _used = new ulong[WordsPerSlab * SlabsPerRegion];

    internal Span<byte> Slab(int index) => _memory.Slice((long)index * SlabBytes, SlabBytes);

    internal Span<ulong> UsedSlots(int index) => _used.AsSpan(index * WordsPerSlab, WordsPerSlab);

    /// <summary>Gives the memory of a slab from <paramref name="fromByte"/> (a multiple of 4096) on back to the kernel.</summary>
    internal void Discard(int index, int fromByte) =>
        _memory.Discard(((long)index * SlabBytes) + fromByte, SlabBytes - fromByte);

    public void Dispose() => _memory.Dispose();
}
