// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Backup;

/// <summary>Blocks of one disk as of the checkpoint that a guest continues from, for pages that refer to them, while the guest writes to the disk.</summary>
/// <remarks>
/// Before a block that pages refer to is changed for the first time, its content is kept here. So whoever reads the disk and then finds nothing kept has read
/// what the block had: a change that could have been seen would have left something. Any thread. What is kept takes at most the memory of the pages that refer.
/// </remarks>
/// <param name="read">Reads the disk as it is now, and waits for the storage.</param>
/// <param name="referenced">Blocks that pages refer to.</param>
internal sealed class KeptBlocks(KeptBlocks.DiskRead read, ReferencedBlocks referenced) : IChangeGuard
{
    private const int BlockBytes = Content.ContentIndex.BlockBytes;

    private readonly Lock _gate = new();

    // guarded by _gate
    private readonly Dictionary<long, byte[]> _kept = [];

    /// <summary>Fills <paramref name="destination"/> from <paramref name="offset"/> on.</summary>
    internal delegate void DiskRead(long offset, Span<byte> destination);

    /// <summary>Blocks kept.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _kept.Count;
            }
        }
    }

    public bool Concerns(long offset, long length) => Next(offset / BlockBytes, EndOf(offset, length)) >= 0;

    public void Prepare(long offset, long length)
    {
        long end = EndOf(offset, length);
        for (long block = offset / BlockBytes; (block = Next(block, end)) >= 0; block++)
        {
            byte[] bytes = new byte[BlockBytes];
            read(block * BlockBytes, bytes);
            lock (_gate)
            {
                // Another change may have been faster: then what was read may be that change's, and what it kept is right.
                _kept.TryAdd(block, bytes);
            }
        }
    }

    /// <summary>What a block had in the checkpoint.</summary>
    public void Read(long block, Span<byte> destination)
    {
        read(block * BlockBytes, destination);
        lock (_gate)
        {
            if (_kept.TryGetValue(block, out byte[]? bytes))
            {
                bytes.CopyTo(destination);
            }
        }
    }

    private static long EndOf(long offset, long length) => (offset + length + BlockBytes - 1) / BlockBytes;

    // The first block of the range that must be kept and is not yet.
    private long Next(long block, long end)
    {
        while ((block = referenced.Next(block, end)) >= 0)
        {
            lock (_gate)
            {
                if (!_kept.ContainsKey(block))
                {
                    return block;
                }
            }
            block++;
        }
        return -1;
    }
}
