// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.PageStore;

/// <summary>The committed checkpoint's view of one RAM block.</summary>
internal sealed class CommittedPages(long pageCount, PageArena arena) : IDisposable
{
    private readonly PageTable _table = new(pageCount);

    // Of pages that are on disk; what it says of others means nothing. Apart from their entries, so that other pages do not pay for it.
    private readonly PageTable _checks = new(pageCount);
    private readonly ushort[] _onDisk = new ushort[(pageCount + PageTable.PagesPerChunk - 1) / PageTable.PagesPerChunk];

    // Entries of a chunk that are not zero pages. At 0 the chunk's table memory is given back.
    private readonly ushort[] _notZero = new ushort[(pageCount + PageTable.PagesPerChunk - 1) / PageTable.PagesPerChunk];
    private int _residentChunks;
    private int _checkedChunks;

    internal long PageCount => _table.PageCount;
    internal long HardPages { get; private set; }
    internal long FreePages { get; private set; }
    internal long DiskPages { get; private set; }
    internal long StoredBytes { get; private set; }
    internal long TableBytes => ((long)(_residentChunks + _checkedChunks) * PageTable.PagesPerChunk * sizeof(ulong)) + ((long)_notZero.Length * 2 * sizeof(ushort)) + Heat.Bytes;

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
                    Release(entries[i]);
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
        Release(before);
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

    private void Release(ulong bits)
    {
        PageEntry entry = new(bits);
        if (entry.IsHard)
        {
            HardPages--;
            StoredBytes -= entry.LengthBytes;
            arena.Release(entry);
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
