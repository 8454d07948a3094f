// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.PageStore;
using Xunit;

namespace Hikae.Sidecar.Tests.Link;

/// <summary>Memory of this process that stands for a guest's, as two RAM blocks; pages are copied out of it as out of QEMU.</summary>
internal sealed class SourceMemory
{
    public const int PageBytes = 4096;
    public const uint PagesPerBlock = 700;

    private readonly byte[][] _memory;

    public SourceMemory()
    {
        _memory = [.. Enumerable.Range(0, 2).Select(_ => GC.AllocateArray<byte>((int)PagesPerBlock * PageBytes, pinned: true))];
        Blocks = [.. _memory.Select((bytes, i) => new RamBlock(
            new RamBlockInfo($"block{i}", bytes.Length, PageBytes), (ulong)Marshal.UnsafeAddrOfPinnedArrayElement(bytes, 0)))];
    }

    public IReadOnlyList<RamBlock> Blocks { get; }

    public static IReadOnlyList<PageRun> All { get; } = [new PageRun(0, 0, PagesPerBlock), new PageRun(1, 0, PagesPerBlock)];

    public Span<byte> Page(int block, uint page) => _memory[block].AsSpan((int)page * PageBytes, PageBytes);

    /// <summary>Writes pages of noise, of text and of zeros here and there, and says which.</summary>
    public IReadOnlyList<PageRun> WriteSome(Random random)
    {
        var runs = new List<PageRun>();
        for (int block = 0; block < 2; block++)
        {
            uint page = (uint)random.Next(20);
            while (page < PagesPerBlock)
            {
                uint count = Math.Min((uint)random.Next(1, 30), PagesPerBlock - page);
                for (uint i = 0; i < count; i++)
                {
                    Write(Page(block, page + i), random);
                }
                runs.Add(new PageRun(block, page, count));
                page += count + (uint)random.Next(1, 60);
            }
        }
        return runs;
    }

    /// <summary>Writes a few bytes of the first pages of each block, and says which.</summary>
    public IReadOnlyList<PageRun> WriteSparsely(Random random, uint pages)
    {
        for (int block = 0; block < 2; block++)
        {
            for (uint page = 0; page < pages; page++)
            {
                for (int i = random.Next(6); i > 0; i--)
                {
                    Page(block, page)[random.Next(PageBytes)] = (byte)random.Next(256);
                }
            }
        }
        return [new PageRun(0, 0, pages), new PageRun(1, 0, pages)];
    }

    public void AssertEqualTo(ReplicaStore store)
    {
        Assert.Equal(Blocks.Select(block => block.Info), store.Blocks);
        byte[] replica = new byte[PageBytes];
        for (int block = 0; block < 2; block++)
        {
            for (uint page = 0; page < PagesPerBlock; page++)
            {
                store.ReadPage(block, page, replica);
                Assert.True(Page(block, page).SequenceEqual(replica), $"page {page} of block {block} differs");
            }
        }
    }

    public SourceMemory Copy()
    {
        var copy = new SourceMemory();
        for (int block = 0; block < 2; block++)
        {
            _memory[block].CopyTo(copy._memory[block], 0);
        }
        return copy;
    }

    private static void Write(Span<byte> page, Random random)
    {
        switch (random.Next(3))
        {
            case 0:
                page.Clear();
                break;
            case 1:
                random.NextBytes(page);
                break;
            default:
                page.Fill((byte)random.Next(256));
                random.NextBytes(page[..random.Next(2000)]);
                break;
        }
    }
}
