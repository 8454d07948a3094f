// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Numerics;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;

namespace Hikae.Sidecar.Link;

/// <summary>Which pages the backup holds as hard, one bit a page: only those are worth a word when the guest frees them. Shipping thread only.</summary>
internal sealed class BackupPageSet
{
    private IReadOnlyList<RamBlockInfo> _blocks = [];
    private ulong[][] _hard = [];

    /// <summary>
    /// The guest's blocks are these. What comes behind those of before counts as hard until something else is known; if one of before is missing or another, everything does.
    /// False: they are the same.
    /// </summary>
    public bool SetBlocks(IReadOnlyList<RamBlockInfo> blocks)
    {
        if (blocks.SequenceEqual(_blocks))
        {
            return false;
        }
        ulong[][] kept = blocks.OnlyGrewFrom(_blocks) ? _hard : [];
        _blocks = blocks;
        _hard = [.. kept, .. blocks.Skip(kept.Length).Select(AllHard)];
        return true;
    }

    public void SetHard(int block, uint page) => _hard[block][page / 64] |= 1UL << (int)(page % 64);

    public void SetSoft(int block, uint page) => _hard[block][page / 64] &= ~(1UL << (int)(page % 64));

    private static ulong[] AllHard(RamBlockInfo block)
    {
        ulong[] words = new ulong[(block.PageCount + 63) / 64];
        Array.Fill(words, ulong.MaxValue);
        return words;
    }

    /// <summary>Adds the parts of <paramref name="run"/> that are hard to <paramref name="runs"/>, and makes them soft. Returns the pages added.</summary>
    public long TakeHard(PageRun run, List<SoftRun> runs)
    {
        ulong[] words = _hard[run.Block];
        long taken = 0;
        uint end = run.FirstPage + run.PageCount;
        uint page = run.FirstPage;
        while (page < end)
        {
            ulong word = words[page / 64] >> (int)(page % 64);
            if (word == 0)
            {
                page = (page | 63) + 1;
                continue;
            }
            page += (uint)BitOperations.TrailingZeroCount(word);
            uint first = page;
            while (page < end && (words[page / 64] & (1UL << (int)(page % 64))) != 0)
            {
                SetSoft(run.Block, page++);
            }
            if (page > first)
            {
                runs.Add(new SoftRun(first, page - first));
                taken += page - first;
            }
        }
        return taken;
    }
}
