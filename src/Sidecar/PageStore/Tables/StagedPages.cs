// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.PageStore;

/// <summary>
/// What the epoch being received says about one RAM block. Later words about a page replace earlier ones.
/// </summary>
/// <remarks>
/// A chunk that the epoch declares soft from end to end is one byte of state and touches no table: the first epoch of a
/// mostly empty guest is a handful of long runs. Once anything else is said about the chunk it is spelled out.
/// Every hard page has a slot of its own: batches are made of committed ones only.
/// </remarks>
internal sealed class StagedPages(long pageCount, PageArena arena) : IDisposable
{
    private readonly PageTable _table = new(pageCount);

    // Of pages that are on disk; what it says of others means nothing.
    private readonly PageTable _checks = new(pageCount);
    private readonly StagedChunk[] _chunks = new StagedChunk[(pageCount + PageTable.PagesPerChunk - 1) / PageTable.PagesPerChunk];
    private readonly bool[] _isChecked = new bool[(pageCount + PageTable.PagesPerChunk - 1) / PageTable.PagesPerChunk];
    private int _checkedChunks;
    private int _spelledOutChunks;

    internal long PageCount => _table.PageCount;

    internal long TableBytes => ((long)(_spelledOutChunks + _checkedChunks) * PageTable.PagesPerChunk * sizeof(ulong)) + (2 * _chunks.Length);

    internal ReadOnlySpan<StagedChunk> Chunks => _chunks;

    internal ReadOnlySpan<ulong> EntriesOf(int chunk) => _table.Chunk(chunk)[.._table.PagesIn(chunk)];

    internal ref ulong Entry(long page) => ref _table[page];

    /// <summary>What the epoch said of the page last.</summary>
    internal PageEntry Said(long page) => new(_chunks[page / PageTable.PagesPerChunk] switch
    {
        StagedChunk.SpelledOut => _table[page],
        StagedChunk.AllZero => PageEntry.ZeroBits,
        StagedChunk.AllFree => PageEntry.FreeBits,
        _ => PageEntry.NothingBits,
    });

    internal bool IsSpelledOut(long page) => _chunks[page / PageTable.PagesPerChunk] == StagedChunk.SpelledOut;

    internal void PutHard(long page, ulong owner, ReadOnlySpan<byte> stored)
    {
        SpellOut((int)(page / PageTable.PagesPerChunk));
        // Stored first: when there is no room, the entry must not name a slot that is given to another page.
        ulong bits = arena.Store(owner, stored).Bits;
        ref ulong entry = ref _table[page];
        Release(entry);
        entry = bits;
    }

    internal void PutSoft(long firstPage, long count, SoftClass softClass)
    {
        ulong bits = softClass == SoftClass.Zero ? PageEntry.ZeroBits : PageEntry.FreeBits;
        for (long page = firstPage, end = firstPage + count; page < end;)
        {
            int chunk = (int)(page / PageTable.PagesPerChunk);
            int inChunk = (int)(page % PageTable.PagesPerChunk);
            int pages = (int)Math.Min(end - page, PageTable.PagesPerChunk - inChunk);
            if (pages == _table.PagesIn(chunk))
            {
                Forget(chunk);
                _chunks[chunk] = softClass == SoftClass.Zero ? StagedChunk.AllZero : StagedChunk.AllFree;
            }
            else
            {
                SpellOut(chunk);
                foreach (ref ulong entry in _table.Chunk(chunk).Slice(inChunk, pages))
                {
                    Release(entry);
                    entry = bits;
                }
            }
            page += pages;
        }
    }

    internal ulong CheckOf(long page) => _checks[page];

    internal void PutOnDisk(long firstPage, int disk, long firstBlock, ReadOnlySpan<ulong> checks)
    {
        for (int i = 0; i < checks.Length; i++)
        {
            int chunk = (int)((firstPage + i) / PageTable.PagesPerChunk);
            SpellOut(chunk);
            _checkedChunks += _isChecked[chunk] ? 0 : 1;
            _isChecked[chunk] = true;
            _checks[firstPage + i] = checks[i];
            ref ulong entry = ref _table[firstPage + i];
            Release(entry);
            entry = PageEntry.OnDisk(disk, firstBlock + i).Bits;
        }
    }

    /// <summary>The epoch is torn: its hard pages' bytes are released and nothing is said any more.</summary>
    internal void DiscardAll()
    {
        for (int chunk = 0; chunk < _chunks.Length; chunk++)
        {
            Forget(chunk);
        }
        Reset();
    }

    /// <summary>The entries have become the committed ones; their slots live on.</summary>
    internal void Reset()
    {
        if (_spelledOutChunks > 0)
        {
            _table.DiscardAll();
            _spelledOutChunks = 0;
        }
        if (_checkedChunks > 0)
        {
            _checks.DiscardAll();
            Array.Clear(_isChecked);
            _checkedChunks = 0;
        }
        Array.Clear(_chunks);
    }

    public void Dispose()
    {
        _table.Dispose();
        _checks.Dispose();
    }

    private void SpellOut(int chunk)
    {
        ref StagedChunk state = ref _chunks[chunk];
        switch (state)
        {
            case StagedChunk.SpelledOut:
                return;
            case StagedChunk.AllZero:
                _table.Chunk(chunk).Fill(PageEntry.ZeroBits);
                break;
            case StagedChunk.AllFree:
                _table.Chunk(chunk).Fill(PageEntry.FreeBits);
                break;
            case StagedChunk.Untouched:
                break;
            default:
                throw new UnreachableException($"Chunk {chunk} is in state {state}.");
        }
        state = StagedChunk.SpelledOut;
        _spelledOutChunks++;
    }

    private void Forget(int chunk)
    {
        if (_chunks[chunk] == StagedChunk.SpelledOut)
        {
            Span<ulong> entries = _table.Chunk(chunk);
            foreach (ulong entry in entries)
            {
                Release(entry);
            }
            _table.DiscardChunk(chunk);
            _spelledOutChunks--;
        }
        _chunks[chunk] = StagedChunk.Untouched;
    }

    private void Release(ulong bits)
    {
        if (new PageEntry(bits) is { IsHard: true } hard)
        {
            arena.Release(hard);
        }
    }
}
