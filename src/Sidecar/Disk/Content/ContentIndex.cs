// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;

namespace Hikae.Sidecar.Disk.Content;

/// <summary>Which content the blocks of the guest's disks have, as far as they passed through this process: finds a block that equals a page.</summary>
/// <remarks>
/// Theory of operation. Whoever serves a disk tells what was read and what is written, through its <see cref="DiskContent"/>. A block is known from the end of
/// a read or write that nothing else overlapped until the beginning of its next change. So what is known is true now, at any time.
///
/// "Now" may be later than the checkpoint whose pages are looked at, as those travel while the guest runs on. Each block that is known has a stamp, the epoch
/// that was open when it was learned: it has had that content since then, so it had it when any epoch from that one on was sealed, or it has it still in an
/// epoch that is open. Invariant: a block found for an epoch had that content when the epoch was sealed, or, while it is open, has not been changed since.
///
/// A page may be sent as a reference to the block that was found. That is noted in the same step, so that a later change of the block finds it: the page becomes
/// stale before the change can be seen, and is sent in the epoch that the change belongs to. Invariant: a page that refers to a block and is not stale has had the
/// block's content in every epoch since it was sent.
///
/// A page for which no block was found is remembered by a few bits of its tag. When a block becomes known that may equal it, the page is wanted: capture reads it
/// once more, in an epoch that is open since the block is known, and only what is read then decides. So what is remembered proves nothing and need not be exact.
///
/// Any thread may call. Nothing is waited for under the lock, and no tag is computed.
/// </remarks>
internal sealed class ContentIndex : IPageReferences, IDisposable
{
    /// <summary>Bytes of a block, as of a page.</summary>
    public const int BlockBytes = 4096;

    private readonly BlockTagger _tagger = new();

    // guarded by Gate
    private readonly List<int> _places = [];
    private ContentTable? _table;
    private PageReferences? _references;
    private IReadOnlyList<RamBlockInfo> _ramBlocks = [];
    private uint _openStamp = 1;
    private uint _sessionStamp;

    /// <param name="bytes">Most memory it may take; it takes what it needs.</param>
    public ContentIndex(long bytes) => _table = new ContentTable(bytes);

    /// <summary>Guards this object and all its disks.</summary>
    internal Lock Gate { get; } = new();

    /// <summary>Guarded by <see cref="Gate"/>.</summary>
    internal ChangeTicks Ticks { get; } = new();

    /// <summary>Blocks that are known.</summary>
    public long Count
    {
        get
        {
            lock (Gate)
            {
                return _table?.Count ?? 0;
            }
        }
    }

    /// <summary>A disk that begins to be served. Null: there were so many that this one is not looked at.</summary>
    public DiskContent? AddDisk()
    {
        lock (Gate)
        {
            if (_places.Count == BlockKey.MaxDisks)
            {
                return null;
            }
            _places.Add(-1);
            return new DiskContent(this, _tagger, _places.Count - 1);
        }
    }

    /// <summary>Epochs count from 1 again, and the first is open. No page refers to anything.</summary>
    /// <param name="disks">The disks as the backup is told of them: to others nothing may refer.</param>
    public void BeginSession(IReadOnlyList<DiskContent?> disks)
    {
        CloseReferences([]);
        lock (Gate)
        {
            for (int i = 0; i < _places.Count; i++)
            {
                _places[i] = PlaceOf(disks, i);
            }
            _sessionStamp = _openStamp;
            Open(1);
        }
    }

    /// <summary>The guest stands still, and <paramref name="epoch"/> is about to be sealed: what is written to a disk from its own seal on belongs to a later one.</summary>
    public void Seal(ulong epoch)
    {
        lock (Gate)
        {
            Open(epoch + 1);
        }
    }

    /// <summary>Finds a block of the guest's disks that has this page's content as of <paramref name="epoch"/> of the present session. None is found for a page of zeros.</summary>
    public bool TryFind(ReadOnlySpan<byte> page, ulong epoch, out BlockKey block)
    {
        UInt128 tag = _tagger.TagOf(page);
        lock (Gate)
        {
            block = default;
            return tag != BlockTagger.Zeros && _table is { } table && table.Find(tag, StampOf(epoch), out block, out _) >= 0;
        }
    }

    /// <summary>From here on pages of these RAM blocks may refer to blocks of disks, unless they may already, or the guest has other RAM blocks by now.</summary>
    public void OpenReferences(IReadOnlyList<RamBlockInfo> blocks)
    {
        lock (Gate)
        {
            if (_references is null && _table is { } table && blocks.SequenceEqual(_ramBlocks))
            {
                _references = new PageReferences(table, blocks);
            }
        }
    }

    /// <inheritdoc/>
    public void CloseReferences(IReadOnlyList<RamBlockInfo> next)
    {
        lock (Gate)
        {
            _ramBlocks = next;
            if (_references is not null)
            {
                _references = null;
                _table?.ClearHeads();
            }
        }
    }

    /// <inheritdoc/>
    public void GrowReferences(IReadOnlyList<RamBlockInfo> next)
    {
        lock (Gate)
        {
            _ramBlocks = next;
            _references?.Grow(next);
        }
    }

    /// <inheritdoc/>
    public void TakeStale(List<PageRun> pages)
    {
        lock (Gate)
        {
            _references?.TakeStale(pages);
        }
    }

    /// <inheritdoc/>
    public void TakeWanted(List<PageRun> pages, int most)
    {
        lock (Gate)
        {
            _references?.TakeWanted(pages, most);
        }
    }

    /// <summary>Whether there are pages that <see cref="TakeStale"/> would name.</summary>
    public bool HasStale
    {
        get
        {
            lock (Gate)
            {
                return _references is { StaleCount: > 0 };
            }
        }
    }

    /// <summary>
    /// Makes a page that is about to be sent a reference to a block that has its content as of <paramref name="epoch"/>. What it referred to before is over,
    /// whatever is returned. False: there is no such block, and the page is to be sent otherwise.
    /// </summary>
    /// <param name="block">The page's RAM block.</param>
    /// <param name="page">Its index there.</param>
    /// <param name="bytes">Its content.</param>
    /// <param name="epoch">To which the content belongs.</param>
    /// <param name="disk">The disk, as the backup was told of it.</param>
    /// <param name="diskBlock">The disk's block.</param>
    public bool TryRefer(int block, uint page, ReadOnlySpan<byte> bytes, ulong epoch, out int disk, out long diskBlock)
    {
        UInt128 tag = _tagger.TagOf(bytes);
        lock (Gate)
        {
            _references?.Unlink(block, page);
            if (TryLink(block, page, tag, epoch, out disk, out diskBlock))
            {
                return true;
            }
            if (tag != BlockTagger.Zeros && _references is { } references)
            {
                // A block that has had this content only since a later epoch proves something of that one.
                bool isWanted = _table is { } table && table.Find(tag, uint.MaxValue, out _, out uint slot) >= 0 && table.Stamp(slot) > StampOf(epoch);
                references.Remember(block, page, tag, isWanted);
            }
            return false;
        }
    }

    /// <summary>
    /// As <see cref="TryRefer"/>, for a page that the backup has already, as of the epoch before or as capture found it written since: what is not found is left as it is.
    /// </summary>
    public bool TryReferAgain(int block, uint page, ReadOnlySpan<byte> bytes, ulong epoch, out int disk, out long diskBlock)
    {
        UInt128 tag = _tagger.TagOf(bytes);
        lock (Gate)
        {
            (disk, diskBlock) = (0, 0);
            // One that refers to a block by now was sent since it was wanted.
            return _references is { } references && !references.IsLinked(block, page) && TryLink(block, page, tag, epoch, out disk, out diskBlock);
        }
    }

    /// <summary>The backup is told that it need not keep these pages at all.</summary>
    public void Unrefer(int block, uint firstPage, uint count)
    {
        lock (Gate)
        {
            for (uint i = 0; i < count; i++)
            {
                _references?.Unlink(block, firstPage + i);
            }
        }
    }

    /// <summary>A thread that is still at work learns and finds nothing any more.</summary>
    public void Dispose()
    {
        lock (Gate)
        {
            _references = null;
            _table?.Dispose();
            _table = null;
        }
    }

    /// <summary>Under <see cref="Gate"/>.</summary>
    internal void Learn(BlockKey block, UInt128 tag, bool onlyWanted)
    {
        if (_table is not { } table || (onlyWanted && !table.Contains(block) && _references?.IsRemembered(tag) is not true))
        {
            return;
        }
        if (!table.TryPut(block, tag, _openStamp, out bool isNew))
        {
            // It changed, and nobody said so: somebody else writes to the image. The safe answer is that of any change.
            Forget(block, 1);
            _ = table.TryPut(block, tag, _openStamp, out isNew);
        }
        if (isNew && _places[block.Disk] >= 0)
        {
            _references?.Want(tag);
        }
    }

    /// <summary>Under <see cref="Gate"/>: what is known of these blocks is over.</summary>
    internal void Forget(BlockKey first, long count)
    {
        for (long i = 0; i < count; i++)
        {
            uint head = _table?.Remove(new BlockKey(first.Bits + (ulong)i)) ?? 0;
            _references?.MakeStale(head);
        }
    }

    /// <summary>Under <see cref="Gate"/>.</summary>
    internal void ForgetDisk(int disk)
    {
        List<uint> heads = [];
        _table?.RemoveDisk(disk, heads);
        foreach (uint head in heads)
        {
            _references?.MakeStale(head);
        }
    }

    // Under Gate. The page refers to nothing, but may be remembered.
    private bool TryLink(int block, uint page, UInt128 tag, ulong epoch, out int disk, out long diskBlock)
    {
        if (tag != BlockTagger.Zeros && _table is { } table && _references is { } references)
        {
            for (int i = 0; (i = table.Find(tag, StampOf(epoch), out BlockKey found, out uint slot, i)) >= 0; i++)
            {
                disk = _places[found.Disk];
                diskBlock = found.Block;
                if (disk >= 0 && references.TryLink(block, page, slot))
                {
                    return true;
                }
            }
        }
        (disk, diskBlock) = (0, 0);
        return false;
    }

    private static int PlaceOf(IReadOnlyList<DiskContent?> disks, int number)
    {
        for (int place = 0; place < disks.Count; place++)
        {
            if (disks[place]?.Number == number)
            {
                return place;
            }
        }
        return -1;
    }

    private void Open(ulong epoch) => _openStamp = StampOf(epoch);

    // A process that made 2^32 checkpoints finds nothing any more, by an exception of its session; it began 13 years ago.
    private uint StampOf(ulong epoch) => checked((uint)(_sessionStamp + epoch));
}
