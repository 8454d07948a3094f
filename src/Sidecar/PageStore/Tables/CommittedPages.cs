// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Numerics;

namespace Hikae.Sidecar.PageStore;

/// <summary>The committed checkpoint's view of one RAM block, the one with this <see cref="ReplicaBlock.Number"/>.</summary>
internal sealed class CommittedPages(int number, long pageCount, PageArena arena) : IDisposable
{
    private readonly PageTable _table = new(pageCount);

    // Of pages that are on disk; what it says of others means nothing. Apart from their entries, so that other pages do not pay for it.
    private readonly PageTable _checks = new(pageCount);
    private readonly ushort[] _onDisk = new ushort[(pageCount + PageTable.PagesPerChunk - 1) / PageTable.PagesPerChunk];

    // Chunks that an epoch wrote to since the sweep settled them, a bit each.
    private readonly ulong[] _unsettled = new ulong[(((pageCount + PageTable.PagesPerChunk - 1) / PageTable.PagesPerChunk) + 63) / 64];

    // Entries of a chunk that are not zero pages. At 0 the chunk's table memory is given back.
    private readonly ushort[] _notZero = new ushort[(pageCount + PageTable.PagesPerChunk - 1) / PageTable.PagesPerChunk];
    private int _residentChunks;
    private int _checkedChunks;

    internal long PageCount => _table.PageCount;
    internal long HardPages { get; private set; }
    internal long FreePages { get; private set; }
    internal long DiskPages { get; private set; }

    /// <summary>Of pages that have slots of their own.</summary>
    internal long StoredBytes { get; private set; }

    internal long TableBytes => ((long)(_residentChunks + _checkedChunks) * PageTable.PagesPerChunk * sizeof(ulong)) + ((long)_notZero.Length * 2 * sizeof(ushort)) + ((long)_unsettled.Length * sizeof(ulong)) + Heat.Bytes;

    /// <summary>How lately and how often something of each chunk came from the primary.</summary>
    internal ChunkHeat Heat { get; } = new((int)((pageCount + PageTable.PagesPerChunk - 1) / PageTable.PagesPerChunk));

    internal PageEntry this[long page] =>
        _notZero[page / PageTable.PagesPerChunk] == 0 ? new PageEntry(PageEntry.NothingBits) : new PageEntry(_table[page]);

    /// <summary>What a page that is on disk must hash to.</summary>
    internal ulong CheckOf(long page) => _checks[page];

    /// <summary>Takes over what the epoch said. Cannot fail: it takes no memory beyond table pages that were reserved.</summary>
    internal void Apply(StagedPages staged)
    {
        ReadOnlySpan<StagedChunk> chunks = staged.Chunks;
        Heat.NextEpoch();
        for (int chunk = chunks.IndexOfAnyExcept(StagedChunk.Untouched); chunk >= 0; chunk = NextTouched(chunks, chunk))
        {
            switch (chunks[chunk])
            {
                case StagedChunk.SpelledOut:
                    Heat.Warm(chunk);
                    _unsettled[chunk / 64] |= 1UL << (chunk % 64);
                    Apply(chunk, staged);
                    break;
                case StagedChunk.AllZero:
                    Fill(chunk, PageEntry.NothingBits);
                    break;
                default:
                    Fill(chunk, PageEntry.FreeBits);
                    break;
            }
        }
        staged.Reset();
    }

    /// <summary>Moves every entry that fits into <paramref name="resized"/> and releases the others.</summary>
    internal void MoveTo(CommittedPages resized)
    {
        Heat.CopyTo(resized.Heat);
        Array.Fill(resized._unsettled, ulong.MaxValue);
        for (int chunk = 0; chunk < _notZero.Length; chunk++)
        {
            if (_notZero[chunk] == 0)
            {
                continue;
            }
            Span<ulong> entries = _table.Chunk(chunk)[.._table.PagesIn(chunk)];
            long first = (long)chunk * PageTable.PagesPerChunk;
            for (int i = 0; i < entries.Length; i++)
            {
                if (first + i < resized.PageCount)
                {
                    resized.Set(first + i, entries[i], new PageEntry(entries[i]).IsOnDisk ? _checks[first + i] : 0);
                }
                else
                {
                    Release(first + i, entries[i]);
                }
            }
        }
    }

    internal void VisitReferences(Action<int, long> visit)
    {
        for (int chunk = 0; chunk < _notZero.Length; chunk++)
        {
            if (_notZero[chunk] == 0)
            {
                continue;
            }
            foreach (ulong bits in _table.Chunk(chunk)[.._table.PagesIn(chunk)])
            {
                if (new PageEntry(bits) is { IsOnDisk: true } entry)
                {
                    visit(entry.Disk, entry.Block);
                }
            }
        }
    }

    /// <summary>The first chunk from <paramref name="chunk"/> on that an epoch wrote to since it was settled; -1: none.</summary>
    internal int NextUnsettled(int chunk)
    {
        for (int word = chunk / 64; word < _unsettled.Length; word++)
        {
            ulong bits = word == chunk / 64 ? _unsettled[word] & (ulong.MaxValue << (chunk % 64)) : _unsettled[word];
            if (bits != 0)
            {
                int found = (word * 64) + BitOperations.TrailingZeroCount(bits);
                return found < _notZero.Length ? found : -1;
            }
        }
        return -1;
    }

    /// <summary>Whether a chunk that an epoch wrote to is cold.</summary>
    internal bool HasColdUnsettled(int maxHeat)
    {
        for (int chunk = NextUnsettled(0); chunk >= 0; chunk = NextUnsettled(chunk + 1))
        {
            if (Heat[chunk] <= maxHeat)
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>The chunk's pages are put together as they should be, until an epoch writes to it.</summary>
    internal void Settle(int chunk) => _unsettled[chunk / 64] &= ~(1UL << (chunk % 64));

    /// <summary>A page's batch changed otherwise.</summary>
    internal void Unsettle(long page) => _unsettled[page / PageTable.PagesPerChunk / 64] |= 1UL << (int)(page / PageTable.PagesPerChunk % 64);

    /// <summary>The same page lies elsewhere now; what it was is released.</summary>
    internal void Replace(long page, PageEntry entry) => Set(page, entry.Bits, check: 0);

    /// <summary>The block was unplugged.</summary>
    internal void ReleaseAll()
    {
        for (int chunk = 0; chunk < _notZero.Length; chunk++)
        {
            Fill(chunk, PageEntry.NothingBits);
        }
    }

    /// <summary>The entry of <paramref name="page"/> if its bytes lie at that place.</summary>
    internal bool TryMove(long page, (int Slab, int Slot) from, (int Slab, int Slot) to)
    {
        if (page >= PageCount || !this[page].IsAt(from.Slab, from.Slot))
        {
            return false;
        }
        _table[page] = this[page].MovedTo(to.Slab, to.Slot).Bits;
        return true;
    }

    public void Dispose()
    {
        _table.Dispose();
        _checks.Dispose();
    }

    private static int NextTouched(ReadOnlySpan<StagedChunk> chunks, int after)
    {
        int next = chunks[(after + 1)..].IndexOfAnyExcept(StagedChunk.Untouched);
        return next < 0 ? -1 : after + 1 + next;
    }

    private void Apply(int chunk, StagedPages staged)
    {
        long first = (long)chunk * PageTable.PagesPerChunk;
        ReadOnlySpan<ulong> entries = staged.EntriesOf(chunk);
        for (int i = 0; i < entries.Length; i++)
        {
            if (entries[i] != PageEntry.NothingBits)
            {
                ulong check = new PageEntry(entries[i]).IsOnDisk ? staged.CheckOf(first + i) : 0;
                Set(first + i, entries[i] == PageEntry.ZeroBits ? PageEntry.NothingBits : entries[i], check);
            }
        }
    }

    private void Fill(int chunk, ulong bits)
    {
        if (bits == PageEntry.NothingBits && _notZero[chunk] == 0)
        {
            return;
        }
        long first = (long)chunk * PageTable.PagesPerChunk;
        for (int i = 0; i < _table.PagesIn(chunk); i++)
        {
            Set(first + i, bits, check: 0);
        }
    }

    private void Set(long page, ulong bits, ulong check)
    {
        int chunk = (int)(page / PageTable.PagesPerChunk);
        ulong before = _notZero[chunk] == 0 ? PageEntry.NothingBits : _table[page];
        SetCheck(page, new PageEntry(before).IsOnDisk, new PageEntry(bits).IsOnDisk, check);
        if (before == bits)
        {
            return;
        }
        Release(page, before);
        CountIn(bits);
        if (before == PageEntry.NothingBits && _notZero[chunk]++ == 0)
        {
            _residentChunks++;
        }
        if (bits == PageEntry.NothingBits && --_notZero[chunk] == 0)
        {
            _residentChunks--;
            _table.DiscardChunk(chunk);
            return;
        }
        _table[page] = bits;
    }

    // Also where the same block has other content than before.
    private void SetCheck(long page, bool wasOnDisk, bool isOnDisk, ulong check)
    {
        int chunk = (int)(page / PageTable.PagesPerChunk);
        if (isOnDisk && !wasOnDisk && _onDisk[chunk]++ == 0)
        {
            _checkedChunks++;
        }
        if (isOnDisk)
        {
            _checks[page] = check;
        }
        else if (wasOnDisk && --_onDisk[chunk] == 0)
        {
            _checkedChunks--;
            _checks.DiscardChunk(chunk);
        }
    }

    private void CountIn(ulong bits)
    {
        PageEntry entry = new(bits);
        if (entry.IsHard)
        {
            HardPages++;
            StoredBytes += entry.LengthBytes;
        }
        else if (entry.IsFree)
        {
            FreePages++;
        }
        else if (entry.IsOnDisk)
        {
            DiskPages++;
        }
    }

    private void Release(long page, ulong bits)
    {
        PageEntry entry = new(bits);
        if (entry.IsHard)
        {
            HardPages--;
            StoredBytes -= entry.LengthBytes;
            if (entry.IsBatched)
            {
                arena.ReleaseFromBatch(entry, ReplicaBlock.Owner(number, page));
            }
            else
            {
                arena.Release(entry);
            }
        }
        else if (entry.IsFree)
        {
            FreePages--;
        }
        else if (entry.IsOnDisk)
        {
            DiskPages--;
        }
    }
}
