// SPDX-License-Identifier: LGPL-2.1-or-later
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
/// Any thread may call. Nothing is waited for under the lock, and no tag is computed.
/// </remarks>
internal sealed class ContentIndex : IDisposable
{
    /// <summary>Bytes of a block, as of a page.</summary>
    public const int BlockBytes = 4096;

    private readonly BlockTagger _tagger = new();

    // guarded by Gate
    private ContentTable? _table;
    private int _disks;
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
            return _disks < BlockKey.MaxDisks ? new DiskContent(this, _tagger, _disks++) : null;
        }
    }

    /// <summary>Epochs count from 1 again, and the first is open.</summary>
    public void BeginSession()
    {
        lock (Gate)
        {
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
            return tag != BlockTagger.Zeros && _table is { } table && table.TryFind(tag, StampOf(epoch), out block);
        }
    }

    /// <summary>A thread that is still at work learns and finds nothing any more.</summary>
    public void Dispose()
    {
        lock (Gate)
        {
            _table?.Dispose();
            _table = null;
        }
    }

    /// <summary>Under <see cref="Gate"/>.</summary>
    internal void Learn(BlockKey block, UInt128 tag) => _table?.Put(block, tag, _openStamp);

    /// <summary>Under <see cref="Gate"/>: what is known of these blocks is over.</summary>
    internal void Forget(BlockKey first, long count)
    {
        for (long i = 0; i < count; i++)
        {
            _table?.Remove(new BlockKey(first.Bits + (ulong)i));
        }
    }

    /// <summary>Under <see cref="Gate"/>.</summary>
    internal void ForgetDisk(int disk) => _table?.RemoveDisk(disk);

    private void Open(ulong epoch) => _openStamp = StampOf(epoch);

    // A process that made 2^32 checkpoints finds nothing any more, by an exception of its session; it began 13 years ago.
    private uint StampOf(ulong epoch) => checked((uint)(_sessionStamp + epoch));
}
