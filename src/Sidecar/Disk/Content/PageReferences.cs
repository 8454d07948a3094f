// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;

namespace Hikae.Sidecar.Disk.Content;

/// <summary>Which pages of the guest the backup was told to read from a disk, each in the list of the block it refers to; and those whose block was changed since.</summary>
/// <remarks>
/// A page's number counts through all RAM blocks, and is stored plus one, so that 0 means none. A block's list begins at the head in its slot of the
/// <see cref="ContentTable"/>; its pages have the slot and the next page, eight bytes each, where there are any references among 512 neighbours. Guarded by the index's gate.
/// </remarks>
internal sealed class PageReferences
{
    // A list is walked to take a page out.
    private const int MaxPagesOfBlock = 32;
    private const int ChunkPages = 512;

    private readonly ContentTable _table;
    private readonly uint[] _firstNumbers;
    private readonly (uint SlotPlus1, uint Next)[]?[] _chunks;
    private readonly List<uint> _stale = [];

    public PageReferences(ContentTable table, IReadOnlyList<RamBlockInfo> blocks)
    {
        _table = table;
        _firstNumbers = new uint[blocks.Count];
        long pages = 0;
        for (int i = 0; i < blocks.Count; i++)
        {
            _firstNumbers[i] = checked((uint)pages);
            pages += blocks[i].PageCount;
        }
        _ = checked((uint)(pages + 1));
        _chunks = new (uint, uint)[]?[(pages + ChunkPages - 1) / ChunkPages];
    }

    /// <summary>Pages whose blocks were changed, and that nobody has taken yet.</summary>
    public int StaleCount => _stale.Count;

    /// <summary>Pages that refer to a block.</summary>
    public long Count { get; private set; }

    /// <summary>The page refers to the block in this slot. False: as many do as may. It refers to nothing before.</summary>
    public bool TryLink(int block, uint page, uint slot)
    {
        uint number = _firstNumbers[block] + page;
        ref uint head = ref _table.Head(slot);
        int length = 0;
        for (uint at = head; at != 0; at = Entry(at - 1).Next)
        {
            if (++length == MaxPagesOfBlock)
            {
                return false;
            }
        }
        _chunks[number / ChunkPages] ??= new (uint, uint)[ChunkPages];
        Entry(number) = (slot + 1, head);
        head = number + 1;
        Count++;
        return true;
    }

    /// <summary>The backup was told something else of the page, or is about to be.</summary>
    public void Unlink(int block, uint page)
    {
        uint number = _firstNumbers[block] + page;
        if (_chunks[number / ChunkPages] is null || Entry(number) is not (not 0, _) entry)
        {
            return;
        }
        ref uint link = ref _table.Head(entry.SlotPlus1 - 1);
        while (link != number + 1)
        {
            link = ref Entry(link - 1).Next;
        }
        link = entry.Next;
        Entry(number) = default;
        Count--;
    }

    /// <summary>The block whose list this was is about to be changed.</summary>
    public void MakeStale(uint head)
    {
        while (head != 0)
        {
            uint number = head - 1;
            head = Entry(number).Next;
            Entry(number) = default;
            Count--;
            _stale.Add(number);
        }
    }

    /// <summary>Adds the stale pages in ascending order, and forgets them: whoever takes them sends them.</summary>
    public void TakeStale(List<PageRun> pages)
    {
        _stale.Sort();
        int block = 0;
        foreach (uint number in _stale)
        {
            while (block + 1 < _firstNumbers.Length && _firstNumbers[block + 1] <= number)
            {
                block++;
            }
            uint page = number - _firstNumbers[block];
            if (pages.Count == 0 || pages[^1] is var last && (last.Block != block || last.FirstPage + last.PageCount < page))
            {
                pages.Add(new PageRun(block, page, 1));
            }
            else if (last.FirstPage + last.PageCount == page)
            {
                pages[^1] = last with { PageCount = last.PageCount + 1 };
            }
        }
        _stale.Clear();
    }

    private ref (uint SlotPlus1, uint Next) Entry(uint number) => ref _chunks[number / ChunkPages]![number % ChunkPages];
}
