// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;
using Hikae.Native.Linux;
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.PageStore;

/// <summary>
/// One <see cref="PageEntry"/> for each page of a RAM block, 8 bytes each; parts that say nothing take no memory.
/// </summary>
/// <remarks>A chunk is 512 pages (2 MiB of guest memory), so its entries fill exactly one host page of table.</remarks>
internal sealed class PageTable : IDisposable
{
    internal const int PagesPerChunk = ReplicationLimits.PagesPerChunk;
    private const int ChunkBytes = PagesPerChunk * sizeof(ulong);

    private readonly AnonymousMemory? _memory;

    internal PageTable(long pageCount)
    {
        PageCount = pageCount;
        ChunkCount = (int)((pageCount + PagesPerChunk - 1) / PagesPerChunk);
        // Blocks of length zero exist for a moment while firmware sizes its tables.
        _memory = ChunkCount == 0 ? null : new AnonymousMemory((long)ChunkCount * ChunkBytes);
    }

    internal long PageCount { get; }

    internal int ChunkCount { get; }

    internal ref ulong this[long page] => ref Chunk((int)(page / PagesPerChunk))[(int)(page % PagesPerChunk)];

    /// <summary>The entries of a chunk; the last chunk of a block has spare ones, which nobody uses.</summary>
    internal Span<ulong> Chunk(int chunk) => MemoryMarshal.Cast<byte, ulong>(_memory!.Slice((long)chunk * ChunkBytes, ChunkBytes));

    /// <summary>Pages of this chunk that the block really has.</summary>
    internal int PagesIn(int chunk) => (int)Math.Min(PagesPerChunk, PageCount - ((long)chunk * PagesPerChunk));

    /// <summary>All entries of the chunk say nothing again, and its memory goes back to the kernel.</summary>
    internal void DiscardChunk(int chunk) => _memory!.Discard((long)chunk * ChunkBytes, ChunkBytes);

    internal void DiscardAll() => _memory?.Discard(0, (long)ChunkCount * ChunkBytes);

    public void Dispose() => _memory?.Dispose();
}
