// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;
using Hikae.Native.Linux;

namespace Hikae.Sidecar.Disk.Content;

/// <summary>Blocks and the tags of their content, found by either. Of fixed size: what has no room displaces something else.</summary>
/// <remarks>
/// Theory of operation. A block may lie in any of the 32 slots of one set, which its key chooses; so there is at most one slot that knows it, and taking it
/// out is exact. To find a block by its content there are hints, buckets of eight slot numbers chosen by the tag. A hint is only a hint: the slot that it
/// names is looked at, so it may be out of date or missing, and then something is not found.
///
/// So many slots, because sets fill unevenly: when the table is five eighths full, one block in 40 finds a set of eight full, and one in 2,000 a set of 32.
///
/// A block that pages refer to is not displaced: its slot has the first of them. Where all slots of a set are so, a new block is not learned.
///
/// Memory that was never used takes none. 40 bytes for each block. One thread at a time.
/// </remarks>
internal sealed class ContentTable : IDisposable
{
    private const int Ways = 32;
    private const int KeysAt = 0;
    private const int TagsAt = Ways * sizeof(ulong);
    private const int StampsAt = TagsAt + (Ways * 16);
    private const int HeadsAt = StampsAt + (Ways * sizeof(uint));
    private const int SetBytes = HeadsAt + (Ways * sizeof(uint));
    private const int BucketHints = 8;
    private const int BucketBytes = BucketHints * sizeof(uint);
    private const int BucketsPerSet = 2 * Ways / BucketHints;

    private readonly AnonymousMemory _sets;
    private readonly AnonymousMemory _hints;
    private readonly ulong _setCount;
    private uint _displaced;

    /// <param name="bytes">Most memory it may take.</param>
    public ContentTable(long bytes)
    {
        _setCount = (ulong)Math.Max(1, bytes / (SetBytes + (BucketsPerSet * BucketBytes)));
        // A slot's number plus one must fit a hint, and 31 bits in PageReferences.
        _setCount = Math.Min(_setCount, int.MaxValue / Ways);
        _sets = new AnonymousMemory((long)_setCount * SetBytes);
        _hints = new AnonymousMemory((long)_setCount * BucketsPerSet * BucketBytes);
    }

    /// <summary>Blocks in it.</summary>
    public long Count { get; private set; }

    /// <summary>Most blocks that it can hold.</summary>
    public long Capacity => (long)_setCount * Ways;

    /// <summary>Puts a block in, if there is room. One that is in it with the same tag keeps its stamp: it has had that content for as long.</summary>
    /// <param name="block">The block.</param>
    /// <param name="tag">Of its content.</param>
    /// <param name="stamp">Since when it has had it.</param>
    /// <param name="isNew">It was not in it before.</param>
    /// <returns>False: it is in it with another tag, and must be removed before.</returns>
    public bool TryPut(BlockKey block, UInt128 tag, uint stamp, out bool isNew)
    {
        isNew = false;
        long set = SetOf(block);
        Span<ulong> keys = Keys(set);
        int way = keys.IndexOf(block.Bits);
        if (way >= 0)
        {
            return Tags(set)[way] == tag;
        }
        way = keys.IndexOf(0UL);
        if (way >= 0)
        {
            Count++;
        }
        else if ((way = Displaceable(set)) < 0)
        {
            return true;
        }
        keys[way] = block.Bits;
        Heads(set)[way] = 0;
        Tags(set)[way] = tag;
        Stamps(set)[way] = stamp;
        Hint(tag, (uint)((set * Ways) + way + 1));
        isNew = true;
        return true;
    }

    /// <summary>Whether it is in it, whatever its content.</summary>
    public bool Contains(BlockKey block) => Keys(SetOf(block)).Contains(block.Bits);

    /// <summary>Takes a block out, if it is in. Returns its head, 0 when nothing refers to it.</summary>
    public uint Remove(BlockKey block)
    {
        long set = SetOf(block);
        Span<ulong> keys = Keys(set);
        int way = keys.IndexOf(block.Bits);
        if (way < 0)
        {
            return 0;
        }
        keys[way] = 0;
        Count--;
        return Heads(set)[way];
    }

    /// <summary>Finds a block with this content that has had it since <paramref name="latest"/> or before, from the <paramref name="from"/>th candidate on.</summary>
    /// <param name="tag">Of the content.</param>
    /// <param name="latest">Stamp.</param>
    /// <param name="block">What was found.</param>
    /// <param name="slot">Where it lies, for <see cref="Head"/>.</param>
    /// <param name="from">0, or one more than what was returned before.</param>
    /// <returns>Which candidate it is; -1: there is none.</returns>
    public int Find(UInt128 tag, uint latest, out BlockKey block, out uint slot, int from = 0)
    {
        Span<uint> bucket = Bucket(tag);
        for (int i = from; i < BucketHints; i++)
        {
            if (bucket[i] != 0 && Holds(bucket[i], tag, out long set, out int way) && Stamps(set)[way] <= latest)
            {
                block = new BlockKey(Keys(set)[way]);
                slot = bucket[i] - 1;
                return i;
            }
        }
        (block, slot) = (default, 0);
        return -1;
    }

    /// <summary>The first page that refers to the block in a slot; 0: none. What it means is the caller's.</summary>
    public ref uint Head(uint slot)
    {
        (long set, long way) = Math.DivRem((long)slot, Ways);
        return ref Heads(set)[(int)way];
    }

    /// <summary>Since when the block in a slot has had its content.</summary>
    public uint Stamp(uint slot)
    {
        (long set, long way) = Math.DivRem((long)slot, Ways);
        return Stamps(set)[(int)way];
    }

    /// <summary>Takes out every block of a disk, and adds the heads of those that something refers to.</summary>
    public void RemoveDisk(int disk, List<uint> heads)
    {
        for (long set = 0; set < (long)_setCount; set++)
        {
            Span<ulong> keys = Keys(set);
            for (int way = 0; way < Ways; way++)
            {
                if (keys[way] != 0 && new BlockKey(keys[way]).Disk == disk)
                {
                    keys[way] = 0;
                    Count--;
                    if (Heads(set)[way] != 0)
                    {
                        heads.Add(Heads(set)[way]);
                    }
                }
            }
        }
    }

    /// <summary>Nothing refers to any block any more.</summary>
    public void ClearHeads()
    {
        for (long set = 0; set < (long)_setCount; set++)
        {
            // A set that was never used is not touched.
            if (Heads(set).IndexOfAnyExcept(0U) >= 0)
            {
                Heads(set).Clear();
            }
        }
    }

    public void Dispose()
    {
        _sets.Dispose();
        _hints.Dispose();
    }

    private int Displaceable(long set)
    {
        Span<uint> heads = Heads(set);
        uint first = _displaced++;
        for (uint i = 0; i < Ways; i++)
        {
            int way = (int)((first + i) % Ways);
            if (heads[way] == 0)
            {
                return way;
            }
        }
        return -1;
    }

    private static ulong Reduce(ulong hash, ulong range) => Math.BigMul(hash, range, out _);

    private void Hint(UInt128 tag, uint hint)
    {
        Span<uint> bucket = Bucket(tag);
        if (bucket.Contains(hint))
        {
            return;
        }
        int place = bucket.IndexOf(0U);
        for (int i = 0; place < 0 && i < BucketHints; i++)
        {
            // Of a slot that is used for something else by now.
            place = IsOf(bucket[i], tag) ? -1 : i;
        }
        bucket[place >= 0 ? place : (int)(_displaced++ % BucketHints)] = hint;
    }

    // Whether the slot that the hint names has content whose hints lie in this bucket.
    private bool IsOf(uint hint, UInt128 tag)
    {
        (long set, long way) = Math.DivRem(hint - 1L, Ways);
        return Keys(set)[(int)way] != 0 && BucketOf(Tags(set)[(int)way]) == BucketOf(tag);
    }

    private bool Holds(uint hint, UInt128 tag, out long set, out int way)
    {
        (set, long slot) = Math.DivRem(hint - 1L, Ways);
        way = (int)slot;
        return Keys(set)[way] != 0 && Tags(set)[way] == tag;
    }

    private long SetOf(BlockKey block)
    {
        // Neighbours in different sets.
        ulong hash = block.Bits * 0x9E3779B97F4A7C15;
        hash = (hash ^ (hash >> 32)) * 0xD6E8FEB86659FD93;
        return (long)Reduce(hash, _setCount);
    }

    private long BucketOf(UInt128 tag) => (long)Reduce((ulong)tag, _setCount * BucketsPerSet);

    private Span<uint> Bucket(UInt128 tag) => MemoryMarshal.Cast<byte, uint>(_hints.Slice(BucketOf(tag) * BucketBytes, BucketBytes));

    private Span<ulong> Keys(long set) => MemoryMarshal.Cast<byte, ulong>(_sets.Slice((set * SetBytes) + KeysAt, TagsAt - KeysAt));

    private Span<UInt128> Tags(long set) => MemoryMarshal.Cast<byte, UInt128>(_sets.Slice((set * SetBytes) + TagsAt, StampsAt - TagsAt));

    private Span<uint> Stamps(long set) => MemoryMarshal.Cast<byte, uint>(_sets.Slice((set * SetBytes) + StampsAt, HeadsAt - StampsAt));

    private Span<uint> Heads(long set) => MemoryMarshal.Cast<byte, uint>(_sets.Slice((set * SetBytes) + HeadsAt, SetBytes - HeadsAt));
}
