// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Numerics;
using System.Runtime.InteropServices;

namespace Hikae.Sidecar.Capture;

/// <summary>One bit per page. Not for two threads at once.</summary>
internal sealed class PageBitmap
{
    private const int WordBits = 64;
    private readonly ulong[] _words;

    internal PageBitmap(long pageCount)
    {
        PageCount = pageCount;
        _words = new ulong[(pageCount + WordBits - 1) / WordBits];
    }

    /// <summary>Pages the bitmap speaks of.</summary>
    internal long PageCount { get; }

    internal bool this[long page] => (_words[page / WordBits] >> (int)(page % WordBits) & 1) != 0;

    internal void Clear() => Array.Clear(_words);

    /// <summary>Sets the bits of these pages; throws if there are no such pages.</summary>
    internal void Set(long firstPage, long pageCount) => Change(firstPage, pageCount, static (word, mask) => word | mask);

    /// <summary>Clears the bits of these pages; throws if there are no such pages.</summary>
    internal void Reset(long firstPage, long pageCount) => Change(firstPage, pageCount, static (word, mask) => word & ~mask);

    /// <summary>Takes over a bitmap as it came over the wire: bit 0 of byte 0 is page 0. Bits behind the last page are dropped.</summary>
    internal void Load(ReadOnlySpan<byte> bits)
    {
        Clear();
        int bytes = (int)((PageCount + 7) / 8);
        bits[..Math.Min(bytes, bits.Length)].CopyTo(MemoryMarshal.AsBytes(_words.AsSpan()));
        int tail = (int)(PageCount % WordBits);
        if (tail != 0)
        {
            _words[^1] &= ulong.MaxValue >> (WordBits - tail);
        }
    }

    /// <summary>Clears each bit that is set in <paramref name="other"/>.</summary>
    internal void Remove(PageBitmap other)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(other.PageCount, PageCount);
        for (int i = 0; i < _words.Length; i++)
        {
            _words[i] &= ~other._words[i];
        }
    }

    /// <summary>How many bits are set.</summary>
    internal long Count()
    {
        long count = 0;
        foreach (ulong word in _words)
        {
            count += BitOperations.PopCount(word);
        }

        return count;
    }

    /// <summary>The next run of set bits at or behind <paramref name="from"/>. False: there is none.</summary>
    internal bool TryNextRun(long from, out long firstPage, out long pageCount)
    {
        firstPage = Next(from, 0);
        pageCount = firstPage < PageCount ? Next(firstPage, ulong.MaxValue) - firstPage : 0;
        return pageCount > 0;
    }

    private void Change(long firstPage, long pageCount, Func<ulong, ulong, ulong> change)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(firstPage);
        ArgumentOutOfRangeException.ThrowIfNegative(pageCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(pageCount, PageCount - firstPage);
        long page = firstPage;
        long end = firstPage + pageCount;
        while (page < end)
        {
            int bit = (int)(page % WordBits);
            int bits = (int)Math.Min(WordBits - bit, end - page);
            ref ulong word = ref _words[page / WordBits];
            word = change(word, (ulong.MaxValue >> (WordBits - bits)) << bit);
            page += bits;
        }
    }

    // The first page from there whose bit, after the flip, is set.
    private long Next(long from, ulong flip)
    {
        if (from >= PageCount)
        {
            return PageCount;
        }

        long index = from / WordBits;
        ulong word = (_words[index] ^ flip) & (ulong.MaxValue << (int)(from % WordBits));
        while (word == 0 && ++index < _words.Length)
        {
            word = _words[index] ^ flip;
        }

        return word == 0 ? PageCount : Math.Min(PageCount, (index * WordBits) + BitOperations.TrailingZeroCount(word));
    }
}
