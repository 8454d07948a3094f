// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Disk.Content;
using Xunit;

namespace Hikae.Sidecar.Tests.Disk.Content;

/// <summary>Clients that write, read, trim and zero the same few blocks at once, checkpoints in between, and a look at the disk itself for what the index says.</summary>
public sealed class ContentModelTests
{
    private const int BlockBytes = ContentIndex.BlockBytes;
    private const int Blocks = 64;
    private const int Epochs = 18;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_block_found_for_an_epoch_had_that_content_when_the_epoch_was_sealed(int seed)
    {
        using var index = new ContentIndex(1 << 20);
        using var running = new RunningDisk(imageBytes: Blocks * BlockBytes, content: index.AddDisk());
        using var standstill = new ReaderWriterLockSlim();
        index.BeginSession([]);
        var clients = new BusyClients(running, Blocks, standstill, seed);
        int found = 0;
        try
        {
            for (int session = 0; session < 3; session++)
            {
                found += RunSession(index, running, standstill);
            }
        }
        finally
        {
            await clients.DisposeAsync();
        }

        Assert.InRange(found, Epochs, int.MaxValue);
    }

    private static int RunSession(ContentIndex index, RunningDisk running, ReaderWriterLockSlim standstill)
    {
        running.Drain();
        bool holds = false;
        int found = 0;
        for (ulong epoch = 1; epoch <= Epochs / 3; epoch++)
        {
            Thread.Sleep(5);
            byte[] disk = Seal(index, running, standstill, epoch, ref holds);
            for (int round = 0; round < 3; round++)
            {
                // The clients go on meanwhile, and the last epochs get to the image.
                found += Check(index, epoch, disk);
                if (epoch > 1 && round == 1)
                {
                    running.Disk.Commit(epoch - 1);
                }
            }
        }

        running.Disk.PassThrough();
        index.BeginSession([]);
        return found;
    }

    private static byte[] Seal(ContentIndex index, RunningDisk running, ReaderWriterLockSlim standstill, ulong epoch, ref bool holds)
    {
        // As QEMU stops a guest: when every request is answered.
        standstill.EnterWriteLock();
        try
        {
            index.Seal(epoch);
            if (holds)
            {
                running.Disk.Seal(epoch);
            }
            else
            {
                running.Drain();
                running.Disk.Hold();
                holds = true;
            }

            return running.View(Blocks * BlockBytes);
        }
        finally
        {
            standstill.ExitWriteLock();
        }
    }

    private static int Check(ContentIndex index, ulong epoch, byte[] disk)
    {
        int found = 0;
        for (int content = 0; content < BusyClients.Contents.Count; content++)
        {
            if (index.TryFind(BusyClients.Contents[content], epoch, out BlockKey block))
            {
                found++;
                Assert.True(
                    disk.AsSpan((int)block.Block * BlockBytes, BlockBytes).SequenceEqual(BusyClients.Contents[content]),
                    $"block {block.Block} did not have content {content} in epoch {epoch}");
            }
        }

        return found;
    }
}
