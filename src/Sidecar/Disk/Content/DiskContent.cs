// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers;
using Hikae.Sidecar.Disk.Buffer;

namespace Hikae.Sidecar.Disk.Content;

/// <summary>What the index is told of one disk, by whoever serves it.</summary>
/// <remarks>
/// A read is told with the tick at which it began; a block of it is learned unless a change has begun or ended since. A change is told before anybody can see
/// any of it, and again when it is done. Any thread may call.
/// </remarks>
internal sealed class DiskContent
{
    // As many as the longest write has; longer trims are told in pieces, so that nobody waits long for the lock.
    private const long PieceBlocks = 8192;

    private const int BlockBytes = ContentIndex.BlockBytes;

    private readonly ContentIndex _index;
    private readonly BlockTagger _tagger;
    private readonly int _disk;

    // guarded by the index's gate
    private readonly UndefinedBlocks _undefined = new();
    private ulong _begin = ulong.MaxValue;

    internal DiskContent(ContentIndex index, BlockTagger tagger, int disk)
    {
        _index = index;
        _tagger = tagger;
        _disk = disk;
    }

    /// <summary>In the index.</summary>
    internal int Number => _disk;

    /// <summary>From now on the image and what this process was told are all there is of the disk: no writes of an earlier process lie over it.</summary>
    public void Begin()
    {
        lock (_index.Gate)
        {
            _begin = Math.Min(_begin, _index.Ticks.Next());
        }
    }

    /// <summary>Before a read.</summary>
    public ulong BeginRead() => _index.Ticks.Now;

    /// <summary>After it, with what it gave.</summary>
    /// <param name="tick">What <see cref="BeginRead"/> returned.</param>
    /// <param name="offset">Of the first byte on the disk.</param>
    /// <param name="data">All the bytes.</param>
    /// <param name="onlyWanted">A block is made known only if it may equal a page of the guest; else it would displace others, for what may never be needed.</param>
    public void EndRead(ulong tick, long offset, ReadOnlySpan<byte> data, bool onlyWanted = false)
    {
        (long first, long count) = WholeBlocks(offset, data.Length);
        if (count == 0 || tick < Volatile.Read(ref _begin))
        {
            return;
        }
        UInt128[] tags = Tags(offset, data, first, (int)count);
        lock (_index.Gate)
        {
            for (int i = 0; i < count; i++)
            {
                BlockKey block = BlockKey.Of(_disk, first + i);
                if (_index.Ticks.IsUnchangedSince(block, tick))
                {
                    Learn(block, tags[i], onlyWanted);
                }
            }
        }
        ArrayPool<UInt128>.Shared.Return(tags);
    }

    /// <summary>Before a change, however it will end.</summary>
    public PendingChange BeginChange(DiskWrite kind, long offset, long length)
    {
        BlockKey first = BlockKey.Of(_disk, offset / BlockBytes);
        long count = ((offset + length + BlockBytes - 1) / BlockBytes) - first.Block;
        ulong tick = 0;
        for (long done = 0; done < count; done += PieceBlocks)
        {
            var piece = new BlockKey(first.Bits + (ulong)done);
            long blocks = Math.Min(PieceBlocks, count - done);
            lock (_index.Gate)
            {
                tick = _index.Ticks.Begin(piece, blocks);
                _index.Forget(piece, blocks);
                if (kind is DiskWrite.Trim)
                {
                    _undefined.Add(piece.Block, blocks);
                }
            }
        }
        return new PendingChange(first, count, count <= PieceBlocks ? tick : 0);
    }

    /// <summary>The change was made, whole.</summary>
    /// <param name="change">What <see cref="BeginChange"/> returned.</param>
    /// <param name="kind">As begun.</param>
    /// <param name="offset">As begun.</param>
    /// <param name="length">As begun.</param>
    /// <param name="data">The bytes of a Write.</param>
    public void EndChange(in PendingChange change, DiskWrite kind, long offset, long length, ReadOnlySpan<byte> data)
    {
        (long first, long count) = WholeBlocks(offset, length);
        if (kind is DiskWrite.Trim || change.Tick == 0 || change.Tick < Volatile.Read(ref _begin))
        {
            count = 0;
        }
        UInt128[]? tags = kind is DiskWrite.Write && count > 0 ? Tags(offset, data, first, (int)count) : null;
        lock (_index.Gate)
        {
            _index.Ticks.End(change.First, change.Count);
            for (int i = 0; i < count; i++)
            {
                BlockKey block = BlockKey.Of(_disk, first + i);
                if (_index.Ticks.WasAlone(block, change.Tick))
                {
                    _undefined.Remove(block.Block);
                    Learn(block, tags is null ? BlockTagger.Zeros : tags[i]);
                }
            }
            _index.Ticks.Close(change.First, change.Count);
        }
        if (tags is not null)
        {
            ArrayPool<UInt128>.Shared.Return(tags);
        }
    }

    /// <summary>Nothing was changed, or the change comes later, begun anew.</summary>
    public void Abandon(in PendingChange change)
    {
        lock (_index.Gate)
        {
            _index.Ticks.End(change.First, change.Count);
            _index.Ticks.Close(change.First, change.Count);
        }
    }

    /// <summary>The storage failed: what these blocks are is not known until each was written again, whatever they read as.</summary>
    public void Fail(in PendingChange change)
    {
        lock (_index.Gate)
        {
            _undefined.Add(change.First.Block, change.Count);
        }
        Abandon(change);
    }

    /// <summary>The storage may have lost anything that was written: this disk is looked at no more.</summary>
    public void Distrust()
    {
        lock (_index.Gate)
        {
            _undefined.AddEverything();
            _index.ForgetDisk(_disk);
        }
    }

    private void Learn(BlockKey block, UInt128 tag, bool onlyWanted = false)
    {
        if (tag != BlockTagger.Zeros && !_undefined.Contains(block.Block))
        {
            _index.Learn(block, tag, onlyWanted);
        }
    }

    private UInt128[] Tags(long offset, ReadOnlySpan<byte> data, long first, int count)
    {
        UInt128[] tags = ArrayPool<UInt128>.Shared.Rent(count);
        _tagger.TagAll(data[(int)((first * BlockBytes) - offset)..], tags.AsSpan(0, count));
        return tags;
    }

    private static (long First, long Count) WholeBlocks(long offset, long length)
    {
        long first = (offset + BlockBytes - 1) / BlockBytes;
        return (first, Math.Max(0, ((offset + length) / BlockBytes) - first));
    }
}
