// SPDX-License-Identifier: LGPL-2.1-or-later
using System.IO.Hashing;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Classify;

namespace Hikae.Sidecar.PageStore;

/// <summary>
/// Goes through the committed checkpoint, a little with each epoch, and puts cold pages together: neighbours are compressed in one frame, and pages with the same bytes
/// share one copy of them.
/// </summary>
/// <remarks>
/// Theory of operation. A chunk of 2 MiB that an epoch wrote to is unsettled. The sweep visits unsettled chunks in turn; one that is cold is settled with its visit. Its pages
/// with slots of their own are compressed together, as many neighbours as fit into one slot. A page that is written later leaves its batch; when more than a quarter of a
/// batch's contents is nobody's any more it is dissolved, in a hot chunk too, and its pages are put together anew.
///
/// Pages with the same bytes are found by a bounded table of hashes that lives as long as the sweep, so one that was settled by an earlier sweep is not
/// found any more. Equality is proven by the bytes. Shared bytes have a slot of their own, apart from any batch, so that all pages of a batch are of one chunk.
///
/// What is kept of a page may be damaged, or be a peer's trap: such a page stays as it is.
///
/// Only between epochs: nothing may be staged. A visit takes new slots before it gives up old ones, so that a lack of memory leaves every page where it was.
/// </remarks>
internal sealed class BatchSweep : IDisposable
{
    /// <summary>A chunk of more <see cref="ChunkHeat"/> is left alone: what is written soon again is not worth compressing twice.</summary>
    internal const int MaxHeat = 2;

    // A round that found no more was the last: a guest that writes here and there would keep the sweep, and its memory, for ever.
    private const int FewPages = 256;

    // With a page that alone takes more, no second one fits.
    private const int MaxGroupedBytes = 3584;

    // A new slot must be smaller by this part than the old ones.
    private const int MinGainPart = 32;

    private readonly PageArena _arena;
    private readonly BatchReader _reader;
    private readonly IReadOnlyList<ReplicaBlock?> _blocks;
    private readonly PageEncoder _encoder;
    private readonly SeenContents _seen;
    private readonly PageGroup _group = new();
    private readonly ulong[] _owners = new ulong[BatchSlot.MaxOwners];
    private readonly byte[] _bytes = new byte[ReplicationLimits.PageBytes];
    private readonly byte[] _other = new byte[ReplicationLimits.PageBytes];
    private readonly byte[] _stored = new byte[ReplicationLimits.PageBytes];
    private int _number;
    private long _page;
    private long _readThisRound;

    /// <param name="arena">Where the bytes are.</param>
    /// <param name="reader">Reads them.</param>
    /// <param name="blocks">RAM blocks by their numbers.</param>
    /// <param name="encoder">Encodes a page that no longer fits anywhere with others.</param>
    internal BatchSweep(PageArena arena, BatchReader reader, IReadOnlyList<ReplicaBlock?> blocks, PageEncoder encoder)
    {
        _arena = arena;
        _reader = reader;
        _blocks = blocks;
        _encoder = encoder;
        long pages = 0;
        foreach (ReplicaBlock? block in blocks)
        {
            pages += block?.Committed?.HardPages ?? 0;
        }
        _seen = new SeenContents(pages);
    }

    /// <summary>Whether a sweep would find something to do.</summary>
    internal static bool HasWork(PageArena arena, IReadOnlyList<ReplicaBlock?> blocks)
    {
        for (int i = 0; i < blocks.Count; i++)
        {
            if (blocks[i]?.Committed is { } pages && pages.HasColdUnsettled(MaxHeat))
            {
                return true;
            }
        }
        return arena.HasManyLostContents;
    }

    /// <summary>Visits chunks until so many pages were read. False: a whole round found little, and the sweep may be forgotten.</summary>
    internal bool Run(int pages)
    {
        while (pages > 0)
        {
            if (_number >= _blocks.Count)
            {
                // What is hot stays unsettled: it is for the next sweep, if it has cooled by then.
                bool goesOn = _readThisRound > FewPages;
                (_number, _page, _readThisRound) = (0, 0, 0);
                return goesOn;
            }
            if (!TryFindChunk())
            {
                (_number, _page) = (_number + 1, 0);
                continue;
            }
            int read = Visit(_blocks[_number]!, pages);
            _readThisRound += read;
            // A chunk without anything to do costs something, too.
            pages -= 1 + read;
        }
        return true;
    }

    public void Dispose()
    {
        _seen.Dispose();
        _group.Dispose();
    }

    /// <summary>The chunk that the last call did not come to the end of, or the next one that is unsettled.</summary>
    private bool TryFindChunk()
    {
        if (_blocks[_number]?.Committed is not { } pages)
        {
            return false;
        }
        if (_page % PageTable.PagesPerChunk != 0 && _page < pages.PageCount)
        {
            return true;
        }
        int chunk = pages.NextUnsettled((int)((_page + PageTable.PagesPerChunk - 1) / PageTable.PagesPerChunk));
        if (chunk < 0)
        {
            return false;
        }
        _page = (long)chunk * PageTable.PagesPerChunk;
        if (pages.Heat[chunk] <= MaxHeat)
        {
            // Before the visit, which may unsettle it again.
            pages.Settle(chunk);
        }
        return true;
    }

    /// <summary>Puts the chunk's pages together, from where the last call stopped. Returns how many were read, at most <paramref name="most"/>.</summary>
    private int Visit(ReplicaBlock block, int most)
    {
        CommittedPages pages = block.Committed!;
        int chunk = (int)(_page / PageTable.PagesPerChunk);
        bool isCold = pages.Heat[chunk] <= MaxHeat;
        int read = 0;
        // An earlier call may have failed.
        _group.Remove(0, _group.Count);
        long end = ((long)chunk + 1) * PageTable.PagesPerChunk;
        for (; _page < Math.Min(end, pages.PageCount) && read < most; _page++)
        {
            PageEntry entry = pages[_page];
            if (!entry.IsHard || !(entry.IsBatched ? _arena.Batch(entry).IsHollow : isCold))
            {
                continue;
            }
            read++;
            if (_reader.TryRead(entry, _bytes) is not null || (isCold && TryShare(block, _page, entry)))
            {
                continue;
            }
            int length = ExpectedBytes(entry);
            if (length <= MaxGroupedBytes)
            {
                while (!_group.HasRoomFor(length))
                {
                    Flush(block);
                }
                _bytes.CopyTo(_group.Next);
                _group.Add(_page, entry, length);
            }
            else if (entry.IsBatched)
            {
                Recommit(block, _page, _bytes);
            }
        }
        while (_group.Count > 0)
        {
            Flush(block);
        }
        _page = _page >= pages.PageCount ? end : _page;
        return read;
    }

    /// <summary>The page has a slot of its own again.</summary>
    private void Recommit(ReplicaBlock block, long page, ReadOnlySpan<byte> bytes) => block.Recommit(page, _encoder.EncodeHard(bytes, _stored));

    private int ExpectedBytes(PageEntry entry)
    {
        if (!entry.IsBatched)
        {
            return entry.LengthBytes;
        }
        BatchSlot batch = _arena.Batch(entry);
        return batch.Frame.Length / batch.Contents;
    }

    /// <summary>Finds a place for the first pages of the group, and takes them out of it.</summary>
    private void Flush(ReplicaBlock block)
    {
        CommittedPages committed = block.Committed!;
        for (int i = _group.Count - 1; i >= 0; i--)
        {
            // A later page had the same bytes.
            if (committed[_group.Page(i)] != _group.Entry(i))
            {
                _group.Remove(i, 1);
            }
        }
        int pages = _group.Compress(out ReadOnlySpan<byte> frame);
        if (pages > 1 && IsWorthIt(pages, frame.Length))
        {
            for (int i = 0; i < pages; i++)
            {
                _owners[i] = block.OwnerOf(_group.Page(i));
            }
            Rebind(_owners.AsSpan(0, pages), pages, frame);
        }
        else if (pages == 1 && _group.Entry(0).IsBatched)
        {
            Recommit(block, _group.Page(0), _group.Bytes(0));
        }
        _group.Remove(0, pages);
    }

    private bool IsWorthIt(int pages, int frameBytes)
    {
        int before = 0;
        for (int i = 0; i < pages; i++)
        {
            if (_group.Entry(i).IsBatched)
            {
                // A hollow batch goes in any case.
                return true;
            }
            before += _arena.SlotBytes(_group.Entry(i));
        }
        int after = SizeClasses.SlotBytes(SizeClasses.Of(BatchSlot.StoredBytes(pages, frameBytes)));
        return after <= before - (before / MinGainPart);
    }

    /// <summary>Whether the page in _bytes has the bytes of another one, and shares that one's from now on.</summary>
    private bool TryShare(ReplicaBlock block, long page, PageEntry entry)
    {
        ulong owner = block.OwnerOf(page);
        if (!_seen.TryExchange(XxHash3.HashToUInt64(_bytes), owner, out ulong before) || before == owner)
        {
            return false;
        }
        (int number, long otherPage) = ReplicaBlock.Owner(before);
        if (number >= _blocks.Count || _blocks[number]?.Committed is not { } others || otherPage >= others.PageCount)
        {
            return false;
        }
        PageEntry other = others[otherPage];
        if (!other.IsHard || other.IsAt(entry.Slab, entry.Slot) || _reader.TryRead(other, _other) is not null || !_other.AsSpan().SequenceEqual(_bytes))
        {
            return false;
        }
        int owners = 0;
        ReadOnlySpan<byte> stored;
        if (other.IsBatched && _arena.Batch(other) is { IsShared: true } batch)
        {
            if (batch.Owners == BatchSlot.MaxOwners)
            {
                return false;
            }
            for (; owners < batch.Owners; owners++)
            {
                _owners[owners] = batch.Owner(owners);
            }
            stored = batch.Frame;
        }
        else
        {
            _owners[owners++] = before;
            stored = _encoder.EncodeHard(_bytes, _stored);
            if (other.IsBatched)
            {
                // Its batch has one content less.
                others.Unsettle(otherPage);
            }
        }
        _owners[owners++] = owner;
        Rebind(_owners.AsSpan(0, owners), 1, stored);
        return true;
    }

    /// <summary>The pages' bytes lie together from now on, and no longer where they were.</summary>
    private void Rebind(ReadOnlySpan<ulong> owners, int contents, ReadOnlySpan<byte> frame)
    {
        (int slab, int slot) = _arena.StoreBatch(owners, contents, frame);
        for (int i = 0; i < owners.Length; i++)
        {
            (int number, long page) = ReplicaBlock.Owner(owners[i]);
            _blocks[number]!.Committed!.Replace(page, PageEntry.Batched(slab, slot, contents == 1 ? 0 : i));
        }
    }
}
