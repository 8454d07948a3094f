// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.Recovery;

/// <summary>Remembers which pages were sent: a page sent twice would stop the destination.</summary>
internal sealed class SentPages(IReadOnlyList<RamBlockInfo> blocks)
{
    private readonly ulong[][] _sent = [.. blocks.Select(block => new ulong[(block.PageCount + 63) / 64])];

    internal bool Contains(int block, long page) => (_sent[block][page >> 6] >> (int)(page & 63) & 1) != 0;

    /// <summary>False: it was sent before.</summary>
    internal bool TryAdd(int block, long page)
    {
        if (Contains(block, page))
        {
            return false;
        }
        _sent[block][page >> 6] |= 1UL << (int)(page & 63);
        return true;
    }
}
