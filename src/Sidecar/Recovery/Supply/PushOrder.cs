// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.PageStore;

namespace Hikae.Sidecar.Recovery;

/// <summary>Which page follows in the background, while nobody waits for one: the neighbours of what was asked for last, then what was written or read often and lately.</summary>
/// <remarks>
/// Kind after kind, each kind once through all memory; but neighbours of either kind: what the guest reads through mappings, or without an agent at all, nothing else tells.
/// A page's kind must not change meanwhile. Sending thread only.
/// </remarks>
internal sealed class PushOrder(ReplicaStore store, SentPages sent)
{
    // Sorted when the guest runs already.
    private (int Block, long FirstPage)[]? _chunks;
    private PageKind _kind = PageKind.Hard;
    private (int Block, long Page) _near;
    private long _nearEnd;
    private int _chunk;
    private long _offset;

    /// <summary>The guest asked for the page before this one, and will probably touch what follows it.</summary>
    internal void GoOnAt(int block, long page)
    {
        _near = (block, page);
        _nearEnd = page < store.Blocks[block].PageCount ? EndOfChunk(block, page) : page;
    }

    /// <summary>The next page of this kind that was not sent, or a hard one or one on disk near what was asked for. False: there is none. The same again, until it is sent.</summary>
    internal bool TryNext(PageKind kind, out int block, out long page)
    {
        if (kind != _kind)
        {
            (_kind, _chunk, _offset) = (kind, 0, 0);
        }
        for ((block, page) = _near; page < _nearEnd; page++)
        {
            if (!sent.Contains(block, page) && store.Get(block, page) is PageKind.Hard or PageKind.OnDisk)
            {
                _near = (block, page);
                return true;
            }
        }
        _nearEnd = 0;
        _chunks ??= HotFirst(store);
        for (; _chunk < _chunks.Length; (_chunk, _offset) = (_chunk + 1, 0))
        {
            (block, long first) = _chunks[_chunk];
            long end = EndOfChunk(block, first);
            for (page = first + _offset; page < end; page++)
            {
                if (IsLeft(block, page))
                {
                    _offset = page - first;
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

    private bool IsLeft(int block, long page) => !sent.Contains(block, page) && store.Get(block, page) == _kind;

    private long EndOfChunk(int block, long page) =>
        Math.Min(store.Blocks[block].PageCount, (page / PageTable.PagesPerChunk * PageTable.PagesPerChunk) + PageTable.PagesPerChunk);
}
