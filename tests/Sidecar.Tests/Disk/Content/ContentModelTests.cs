// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Disk;
using Hikae.Sidecar.Disk.Buffer;
using Hikae.Sidecar.Disk.Content;
using Xunit;

namespace Hikae.Sidecar.Tests.Disk.Content;

/// <summary>Clients that write, read, trim and zero the same few blocks at once, checkpoints in between, and a look at the disk itself for what the index says.</summary>
public sealed class ContentModelTests
{
    private const int BlockBytes = ContentIndex.BlockBytes;
    private const int Blocks = 64;
    private const int Contents = 40;
    private const int Clients = 4;
    private const int Epochs = 60;

    private static readonly byte[][] Pages = [.. Enumerable.Range(1, Contents).Select(DiskContentTests.Page)];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_block_found_for_an_epoch_had_that_content_when_the_epoch_was_sealed(int seed)
    {
        using var index = new ContentIndex(1 << 20);
        using var running = new RunningDisk(imageBytes: Blocks * BlockBytes, content: index.AddDisk());
        using var standstill = new ReaderWriterLockSlim();
        using var stop = new CancellationTokenSource();
        index.BeginSession();
        Task[] clients = [.. Enumerable.Range(0, Clients).Select(i => Task.Factory.StartNew(
            () => Work(running, standstill, new Random((seed * 100) + i), stop.Token), TaskCreationOptions.LongRunning))];
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
            await stop.CancelAsync();
            await Task.WhenAll(clients);
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
        index.BeginSession();
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

            return View(running);
        }
        finally
        {
            standstill.ExitWriteLock();
        }
    }

    // Past the server: the buffer over the image.
    private static byte[] View(RunningDisk running)
    {
        byte[] disk = new byte[Blocks * BlockBytes];
        List<DiskRange> missing = [];
        running.Buffer.Read(0, disk, missing);
        foreach (DiskRange range in missing)
        {
            running.ImageBytes(range.Offset, (int)range.Length).CopyTo(disk, range.Offset);
        }

        return disk;
    }

    private static int Check(ContentIndex index, ulong epoch, byte[] disk)
    {
        int found = 0;
        for (int content = 0; content < Contents; content++)
        {
            if (index.TryFind(Pages[content], epoch, out BlockKey block))
            {
                found++;
                Assert.True(
                    disk.AsSpan((int)block.Block * BlockBytes, BlockBytes).SequenceEqual(Pages[content]),
                    $"block {block.Block} did not have content {content} in epoch {epoch}");
            }
        }

        return found;
    }

    private static void Work(RunningDisk running, ReaderWriterLockSlim standstill, Random random, CancellationToken stop)
    {
        using NbdTestClient client = running.Connect();
        while (!stop.IsCancellationRequested)
        {
            standstill.EnterReadLock();
            try
            {
                int under = random.Next(1, 5);
                for (int i = 0; i < under; i++)
                {
                    Send(client, random);
                }

                for (int i = 0; i < under; i++)
                {
                    Assert.Equal(0u, client.Next().Error);
                }
            }
            finally
            {
                standstill.ExitReadLock();
            }
        }
    }

    private static void Send(NbdTestClient client, Random random)
    {
        int count = random.Next(1, 5);
        ulong offset = (ulong)(random.Next(Blocks - count) * BlockBytes);
        uint length = (uint)(count * BlockBytes);
        if (random.Next(4) == 0)
        {
            offset += (ulong)(random.Next(8) * 512);
            length = (uint)(random.Next(1, 17) * 512);
            length = (uint)Math.Min(length, (Blocks * BlockBytes) - (long)offset);
        }

        switch (random.Next(10))
        {
            case < 5:
                byte[] data = [.. Enumerable.Range(0, 5).SelectMany(_ => Pages[random.Next(Contents)])];
                client.Send(NbdTestClient.Write, offset, length, data.AsSpan(0, (int)length));
                break;
            case < 8:
                client.Send(NbdTestClient.Read, offset, length);
                break;
            case 8:
                client.Send(NbdTestClient.Trim, offset, length);
                break;
            default:
                client.Send(NbdTestClient.WriteZeroes, offset, length, flags: random.Next(2) == 0 ? NbdTestClient.NoHole : (ushort)0);
                break;
        }
    }
}
