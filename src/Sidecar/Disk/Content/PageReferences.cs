// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Numerics;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;

namespace Hikae.Sidecar.Disk.Content;

/// <summary>
/// Which pages of the guest the backup was told to read from a disk, each in the list of the block it refers to; those whose block was changed since; and of the
/// other pages a few bits of their content, by which they are found when a block becomes known that may equal them.
/// </summary>
/// <remarks>
/// A page's number counts through all RAM blocks, and is stored plus one, so that 0 means none. A page is in one list at most. A block's list begins at the head in its
/// slot of the <see cref="ContentTable"/>. Pages that are remembered lie in buckets, chosen by 31 bits of their tag.
///
/// Memory: eight bytes for each page of which the backup holds anything but zeros (in 512 neighbours), two for a page's bucket, a bit for whether it is wanted: at
/// most 2.6 MiB for each GiB of the guest. Guarded by the index's gate.
/// </remarks>
internal sealed class PageReferences
{
    // A list is walked to take a page out.
    private const int MaxPagesOfBlock = 32;
    private const int ChunkPages = 512;
    private const int PagesPerBucket = 2;
    private const int WordBits = 64;

    // In Entry.Of: a page that is remembered, not one that refers to a slot.
    private const uint Remembered = 0x8000_0000;

    private readonly ContentTable _table;
    private readonly uint[] _buckets;
    private readonly List<uint> _stale = [];
    private uint[] _firstNumbers = [];
    private (uint Of, uint Next)[]?[] _chunks = [];
    private ulong[] _wanted = [];
    private int _wantedFrom;

    public PageReferences(ContentTable table, IReadOnlyList<RamBlockInfo> blocks)
    {
        _table = table;
        _buckets = new uint[(Grow(blocks) / PagesPerBucket) + 1];
    }

    /// <summary>RAM blocks come behind those of before, which stay. More pages than this was made for share the buckets. Returns how many pages there are.</summary>
    public long Grow(IReadOnlyList<RamBlockInfo> blocks)
    {
        _firstNumbers = new uint[blocks.Count];
        long pages = 0;
        for (int i = 0; i < blocks.Count; i++)
        {
            _firstNumbers[i] = checked((uint)pages);
            pages += blocks[i].PageCount;
        }
        _ = checked((uint)(pages + 1));
        Array.Resize(ref _chunks, (int)((pages + ChunkPages - 1) / ChunkPages));
        Array.Resize(ref _wanted, (int)((pages + WordBits - 1) / WordBits));
        return pages;
    }

    /// <summary>Pages whose blocks were changed, and that nobody has taken yet.</summary>
    public int StaleCount => _stale.Count;

    /// <summary>Pages that refer to a block.</summary>
    public long Count { get; private set; }

    /// <summary>Pages that a block may equal, and that nobody has taken yet.</summary>
    public long WantedCount { get; private set; }

    /// <summary>Whether the page refers to a block.</summary>
    public bool IsLinked(int block, uint page)
    {
        uint number = _firstNumbers[block] + page;
        return _chunks[number / ChunkPages] is not null && Entry(number).Of is not 0 and < Remembered;
    }

    /// <summary>The page refers to the block in this slot, and is remembered no more. False: as many do as may. It refers to nothing before.</summary>
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
        Unlink(block, page);
        Put(number, slot + 1, ref head);
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
        ref uint link = ref (entry.Of < Remembered ? ref _table.Head(entry.Of - 1) : ref Bucket(entry.Of));
        while (link != number + 1)
        {
            link = ref Entry(link - 1).Next;
        }
        link = entry.Next;
        Entry(number) = default;
        if (entry.Of < Remembered)
        {
            Count--;
        }
        else
        {
            Unwant(number);
        }
    }

    /// <summary>The backup is sent the page itself, whose content has this tag. It refers to nothing, and is not remembered. Of many pages with one content only some are.</summary>
    /// <param name="block">The page's RAM block.</param>
    /// <param name="page">Its index there.</param>
    /// <param name="tag">Of its content.</param>
    /// <param name="isWanted">There is a block that equals it already.</param>
    public void Remember(int block, uint page, UInt128 tag, bool isWanted)
    {
        uint of = RememberedOf(tag);
        ref uint head = ref Bucket(of);
        int like = 0;
        for (uint at = head; at != 0; at = Entry(at - 1).Next)
        {
            like += Entry(at - 1).Of == of ? 1 : 0;
            if (like == MaxPagesOfBlock)
            {
                return;
            }
        }
        uint number = _firstNumbers[block] + page;
        Put(number, of, ref head);
        if (isWanted)
        {
            Want(number);
        }
    }

    /// <summary>Whether a page that was sent itself may have this content.</summary>
    public bool IsRemembered(UInt128 tag)
    {
        uint of = RememberedOf(tag);
        uint at = Bucket(of);
        while (at != 0 && Entry(at - 1).Of != of)
        {
            at = Entry(at - 1).Next;
        }
        return at != 0;
    }

    /// <summary>A block with this content is known from now on: pages that may equal it are wanted.</summary>
    public void Want(UInt128 tag)
    {
        uint of = RememberedOf(tag);
        for (uint at = Bucket(of); at != 0; at = Entry(at - 1).Next)
        {
            if (Entry(at - 1).Of == of)
            {
                Want(at - 1);
            }
        }
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
            Add(pages, number, ref block);
        }
        _stale.Clear();
    }

    /// <summary>Adds pages that are wanted, at most so many, and wants them no more.</summary>
    public void TakeWanted(List<PageRun> pages, int most)
    {
        int block = 0;
        for (int seen = 0; seen <= _wanted.Length && WantedCount > 0 && most > 0; seen++)
        {
            for (; _wanted[_wantedFrom] != 0 && most > 0; most--)
            {
                uint number = ((uint)_wantedFrom * WordBits) + (uint)BitOperations.TrailingZeroCount(_wanted[_wantedFrom]);
                Unwant(number);
                Add(pages, number, ref block);
            }
            if (most > 0 && ++_wantedFrom == _wanted.Length)
            {
                (_wantedFrom, block) = (0, 0);
            }
        }
    }

    private static uint RememberedOf(UInt128 tag) => Remembered | (uint)(tag >> 64);

    private void Add(List<PageRun> pages, uint number, ref int block)
    {
        while (block + 1 < _firstNumbers.Length && _firstNumbers[block + 1] <= number)
        {
            block++;
        }
        uint page = number - _firstNumbers[block];
        if (pages.Count > 0 && pages[^1] is var last && last.Block == block)
        {
            uint end = last.FirstPage + last.PageCount;
            if (page == end)
            {
                pages[^1] = last with { PageCount = last.PageCount + 1 };
                return;
            }
            if (page >= last.FirstPage && page < end)
            {
                // It became stale a second time.
                return;
            }
        }
        pages.Add(new PageRun(block, page, 1));
    }

    private void Put(uint number, uint of, ref uint head)
    {
        _chunks[number / ChunkPages] ??= new (uint, uint)[ChunkPages];
        Entry(number) = (of, head);
        head = number + 1;
    }

    private void Want(uint number)
    {
        ref ulong word = ref _wanted[number / WordBits];
        ulong bit = 1UL << (int)(number % WordBits);
        WantedCount += (word & bit) == 0 ? 1 : 0;
        word |= bit;
    }

    private void Unwant(uint number)
    {
        ref ulong word = ref _wanted[number / WordBits];
        ulong bit = 1UL << (int)(number % WordBits);
        WantedCount -= (word & bit) != 0 ? 1 : 0;
        word &= ~bit;
    }

    private ref uint Bucket(uint of) => ref _buckets[(int)(((ulong)(of & ~Remembered) * (ulong)_buckets.Length) >> 31)];

    private ref (uint Of, uint Next) Entry(uint number) => ref _chunks[number / ChunkPages]![number % ChunkPages];
}
