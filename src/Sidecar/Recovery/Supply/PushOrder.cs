// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.PageStore;

namespace Hikae.Sidecar.Recovery;

/// <summary>Which page follows in the background, while nobody waits for one: the neighbours of what was asked for last, then what is hot, then the rest.</summary>
/// <remarks>
/// What was written or read often and lately is hot, and comes whatever its kind is: the guest will want it soon, and a page that it waits for takes longer than one that was sent unasked. The rest
/// comes kind after kind, the warmer first, each kind once through all memory. Neighbours are of either kind: what the guest reads through mappings, or without an agent at all, nothing else tells.
/// A page's kind must not change meanwhile. Sending thread only.
/// </remarks>
internal sealed class PushOrder(ReplicaStore store, SentPages sent)
{
    /// <summary>Of <see cref="ReplicaStore.HeatOf"/>: a sixteenth of a chunk is read whenever somebody looks, or something of it was written in every fourth epoch.</summary>
    internal const int HotHeat = 16;

    // Sorted when the guest runs already.
    private (int Block, long FirstPage)[]? _chunks;
    private int _hotChunks;

    // How far each walk through them has come.
    private (int Chunk, long Offset) _hot;
    private (int Chunk, long Offset) _rest;
    private PageKind _kind = PageKind.Hard;
    private (int Block, long Page) _near;
    private long _nearEnd;

    /// <summary>The guest asked for the page before this one, and will probably touch what follows it.</summary>
    internal void GoOnAt(int block, long page)
    {
        _near = (block, page);
        _nearEnd = page < store.Blocks[block].PageCount ? EndOfChunk(block, page) : page;
    }

    /// <summary>The next page of this kind that was not sent, or a hard one or one on disk that is near what was asked for, or hot. False: there is none. The same again, until it is sent.</summary>
    internal bool TryNext(PageKind kind, out int block, out long page)
    {
        if (kind != _kind)
        {
            (_kind, _rest) = (kind, default);
        }
        for ((block, page) = _near; page < _nearEnd; page++)
        {
            if (IsLeft(block, page))
            {
                _near = (block, page);
                return true;
            }
        }
        _nearEnd = 0;
        if (_chunks is null)
        {
            _chunks = HotFirst(store);
            _hotChunks = _chunks.TakeWhile(chunk => store.HeatOf(chunk.Block, chunk.FirstPage) >= HotHeat).Count();
        }
        return TryNext(_chunks.AsSpan(0, _hotChunks), ref _hot, null, out block, out page) || TryNext(_chunks, ref _rest, kind, out block, out page);
    }

    // Of any kind, if none is named.
    private bool TryNext(ReadOnlySpan<(int Block, long FirstPage)> chunks, ref (int Chunk, long Offset) at, PageKind? kind, out int block, out long page)
    {
        (block, page) = (0, 0);
        for (; at.Chunk < chunks.Length; at = (at.Chunk + 1, 0))
        {
            (block, long first) = chunks[at.Chunk];
            long end = EndOfChunk(block, first);
            for (page = first + at.Offset; page < end; page++)
            {
                if (IsLeft(block, page) && (kind is null || store.Get(block, page) == kind))
                {
                    at.Offset = page - first;
                    return true;
                }
            }
        }
        return false;
    }

    // All memory, in stretches that are hot or cold as a whole; among equals in the order of their places.
    private static (int Block, long FirstPage)[] HotFirst(ReplicaStore store)
    {
        var chunks = new List<(int Block, long FirstPage)>();
        for (int block = 0; block < store.Blocks.Count; block++)
        {
            for (long page = 0; page < store.Blocks[block].PageCount; page += PageTable.PagesPerChunk)
            {
                chunks.Add((block, page));
            }
        }
        return [.. chunks.OrderByDescending(chunk => store.HeatOf(chunk.Block, chunk.FirstPage))];
    }

    private bool IsLeft(int block, long page) => !sent.Contains(block, page) && store.Get(block, page) is PageKind.Hard or PageKind.OnDisk;

    private long EndOfChunk(int block, long page) =>
        Math.Min(store.Blocks[block].PageCount, (page / PageTable.PagesPerChunk * PageTable.PagesPerChunk) + PageTable.PagesPerChunk);
}
