// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Disk.Backup;
using Hikae.Sidecar.Disk.Nbd;
using Hikae.Sidecar.Tests.Disk.Content;
using Xunit;

namespace Hikae.Sidecar.Tests.Disk;

/// <summary>A guest that runs, and memory of it that is still to be read from its disk as it was.</summary>
public sealed class KeptBlocksTests
{
    private const int BlockBytes = 4096;
    private const int Blocks = 64;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_block_reads_as_in_the_checkpoint_whatever_is_written_meanwhile(int seed)
    {
        using var running = new RunningDisk(imageBytes: Blocks * BlockBytes);
        var random = new Random(seed);
        byte[] original = new byte[Blocks * BlockBytes];
        random.NextBytes(original);
        using (NbdTestClient client = running.Connect())
        {
            client.WriteBytes(0, original[..(original.Length / 2)]);
            running.Disk.Hold();
            client.WriteBytes(original.Length / 2, original[(original.Length / 2)..]);
        }

        long[] needed = [.. Enumerable.Range(0, Blocks).Where(_ => random.Next(2) == 0).Select(block => (long)block)];
        var referenced = new ReferencedBlocks();
        Array.ForEach(needed, referenced.Add);
        var kept = new KeptBlocks(((INbdExport)running.Disk).Read, referenced);
        running.Disk.Guard = kept;
        using var standstill = new ReaderWriterLockSlim();
        var clients = new BusyClients(running, Blocks, standstill, seed);
        try
        {
            byte[] bytes = new byte[BlockBytes];
            for (int read = 0; read < 4000; read++)
            {
                long block = needed[random.Next(needed.Length)];
                kept.Read(block, bytes);
                Assert.True(original.AsSpan((int)block * BlockBytes, BlockBytes).SequenceEqual(bytes), $"read {read}: block {block} is not what it was");
                if (read == 2000)
                {
                    running.Disk.PassThrough();
                }
            }
        }
        finally
        {
            await clients.DisposeAsync();
        }

        Assert.InRange(kept.Count, 1, needed.Length);
        running.Drain();
        Assert.NotEqual(original, running.View(original.Length));
    }

    [Fact]
    public void A_change_of_other_blocks_need_not_wait()
    {
        var referenced = new ReferencedBlocks();
        referenced.Add(100_000);
        referenced.Add(100_063);
        int reads = 0;
        var kept = new KeptBlocks((_, _) => reads++, referenced);

        Assert.False(kept.Concerns(0, 100_000L * BlockBytes));
        Assert.False(kept.Concerns((100_000L * BlockBytes) - 1, 1));
        Assert.True(kept.Concerns((100_000L * BlockBytes) - 1, 2));
        Assert.True(kept.Concerns(0, 1L << 50));

        kept.Prepare(100_000L * BlockBytes, 1);
        Assert.False(kept.Concerns(100_000L * BlockBytes, 63L * BlockBytes));
        kept.Prepare(0, 1L << 40);
        Assert.Equal((2, 2), (reads, kept.Count));
        Assert.False(kept.Concerns(0, 1L << 50));
    }
}
