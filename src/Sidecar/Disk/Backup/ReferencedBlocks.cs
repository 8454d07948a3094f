// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Backup;

/// <summary>The blocks of one disk that pages of a checkpoint refer to. Not changed once it is filled.</summary>
internal sealed class ReferencedBlocks
{
    private const int StretchBlocks = 1 << 15;
    private const int WordBits = 64;

    private readonly Dictionary<long, ulong[]> _stretches = [];

    public bool IsEmpty => _stretches.Count == 0;

    public void Add(long block)
    {
        if (!_stretches.TryGetValue(block / StretchBlocks, out ulong[]? words))
        {
            _stretches[block / StretchBlocks] = words = new ulong[StretchBlocks / WordBits];
        }
        words[block % StretchBlocks / WordBits] |= 1UL << (int)(block % WordBits);
    }

    /// <summary>The first one from <paramref name="block"/> on and before <paramref name="end"/>; -1: there is none.</summary>
    public long Next(long block, long end)
    {
        while (block < end)
        {
            if (!_stretches.TryGetValue(block / StretchBlocks, out ulong[]? words))
            {
                block = ((block / StretchBlocks) + 1) * StretchBlocks;
                continue;
            }
            ulong rest = words[block % StretchBlocks / WordBits] >> (int)(block % WordBits);
            if (rest != 0)
            {
                block += System.Numerics.BitOperations.TrailingZeroCount(rest);
                return block < end ? block : -1;
            }
            block = ((block / WordBits) + 1) * WordBits;
        }
        return -1;
    }
}
