// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;

namespace Hikae.Sidecar.Classify;

/// <summary>A bounded set of pages in the order of their last use. Each has a place, from 0, that is its own for as long as it is in the set.</summary>
/// <remarks>
/// When the set is full, a page takes the place only of one that is no longer used: else a guest that writes more than fits, over and over, would find none of its pages
/// again, as each would be the oldest right before its turn. Memory grows with the pages, in steps; nothing is taken for a page. One thread only.
/// </remarks>
/// <param name="maxPages">Most pages that are ever in the set.</param>
internal sealed class RecentPages(int maxPages)
{
    private const int None = -1;

    private readonly Dictionary<ulong, int> _places = [];
    private readonly List<Note> _notes = [];
    private int _newest = None;
    private int _oldest = None;
    private int _free = None;

    public int Count => _places.Count;

    /// <summary>Whether the page is in the set; it is then its newest.</summary>
    /// <param name="block">Number of the page's RAM block.</param>
    /// <param name="page">Its index there.</param>
    /// <param name="now">The epoch; never less than before.</param>
    /// <param name="place">Its own.</param>
    public bool TryUse(int block, long page, ulong now, out int place)
    {
        if (!_places.TryGetValue(Key(block, page), out place))
        {
            return false;
        }
        if (place != _newest)
        {
            Unlink(place);
            LinkNewest(place);
        }
        Notes[place].UsedAt = now;
        return true;
    }

    /// <summary>Puts a page that is not in the set into it. False when it is full of pages used at <paramref name="idleSince"/> or later.</summary>
    public bool TryAdd(int block, long page, ulong now, ulong idleSince, out int place)
    {
        if (Count >= maxPages && !TryTakeOldest(idleSince, out _, out _, out _))
        {
            place = None;
            return false;
        }
        place = _free;
        if (place == None)
        {
            place = _notes.Count;
            _notes.Add(default);
        }
        else
        {
            _free = _notes[place].Older;
        }
        _places.Add(Key(block, page), place);
        Notes[place].Key = Key(block, page);
        Notes[place].UsedAt = now;
        LinkNewest(place);
        return true;
    }

    /// <summary>Takes the page out whose last use is the longest ago, if that was before <paramref name="idleSince"/>.</summary>
    public bool TryTakeOldest(ulong idleSince, out int block, out long page, out int place)
    {
        place = _oldest;
        if (place == None || _notes[place].UsedAt >= idleSince)
        {
            (block, page) = (0, 0);
            return false;
        }
        ulong key = _notes[place].Key;
        (block, page) = ((int)(key >> 48), (long)(key & 0xffff_ffff_ffff));
        TakeOut(key, place);
        return true;
    }

    /// <summary>Takes a page out, if it is in the set.</summary>
    public bool TryRemove(int block, long page, out int place)
    {
        ulong key = Key(block, page);
        if (!_places.TryGetValue(key, out place))
        {
            return false;
        }
        TakeOut(key, place);
        return true;
    }

    private static ulong Key(int block, long page) => ((ulong)block << 48) | (ulong)page;

    private Span<Note> Notes => CollectionsMarshal.AsSpan(_notes);

    private void TakeOut(ulong key, int place)
    {
        _places.Remove(key);
        Unlink(place);
        Notes[place].Older = _free;
        _free = place;
    }

    private void LinkNewest(int place)
    {
        Span<Note> notes = Notes;
        notes[place].Newer = None;
        notes[place].Older = _newest;
        if (_newest == None)
        {
            _oldest = place;
        }
        else
        {
            notes[_newest].Newer = place;
        }
        _newest = place;
    }

    private void Unlink(int place)
    {
        Span<Note> notes = Notes;
        (int newer, int older) = (notes[place].Newer, notes[place].Older);
        if (newer == None)
        {
            _newest = older;
        }
        else
        {
            notes[newer].Older = older;
        }
        if (older == None)
        {
            _oldest = newer;
        }
        else
        {
            notes[older].Newer = newer;
        }
    }

    private struct Note
    {
        public ulong Key;
        public ulong UsedAt;
        public int Newer;

        // Of a place that nobody has: the next such place.
        public int Older;
    }
}
