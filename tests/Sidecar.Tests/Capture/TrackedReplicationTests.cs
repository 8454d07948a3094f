// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Epoch;
using Hikae.Sidecar.Link;
using Hikae.Sidecar.PageStore;
using Hikae.Sidecar.Tests.Link;
using Xunit;

namespace Hikae.Sidecar.Tests.Capture;

/// <summary>The whole way of a page but for QEMU: a real process is tracked, paused, copied, shipped and kept, while it writes.</summary>
public sealed class TrackedReplicationTests(WriterProgram program) : IClassFixture<WriterProgram>
{
    // 20 MiB: five segments, and rounds before the pause.
    private const uint Pages = 5_121;

    [Fact]
    public void A_replica_equals_the_process_byte_for_byte_at_any_checkpoint()
    {
        Requires.Root();
        Requires.Kernel(6, 7);
        using var writer = new Writer(program, Pages);
        using DirtyTracker tracker = DirtyTracker.Attach(writer.Pid);
        using var backup = new BackupUnderTest();
        using var pool = new SegmentPool();
        using var queue = new EpochQueue();
        using var shipper = new EpochShipper(queue, backup.Primary, TimeSpan.FromMinutes(5));
        var memory = new MemoryParticipant(writer.Pid, tracker, pool, queue, new NoFreePages());
        using var loop = new CheckpointLoop(new StopAndContinue(writer), queue, [new WriterHardware(writer, memory, queue), memory], new PauseStatistics());
        using var stop = new CancellationTokenSource();
        Task shipping = Task.Factory.StartNew(() => shipper.Run(stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

        for (int round = 0; round < 4; round++)
        {
            for (int i = 0; i < 4; i++)
            {
                Seal(() => loop.TryCheckpoint(stop.Token));
                Acknowledge(backup, loop);
            }
            Seal(() => loop.TryFinalCheckpoint(stop.Token));
            Acknowledge(backup, loop);
            AssertEqual(writer, backup.Session.Store);
            writer.Resume();
        }

        Assert.Equal(20UL, backup.Session.Store.CommittedEpoch);
        stop.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => shipping.GetAwaiter().GetResult());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Memory_that_was_plugged_in_is_copied_and_the_rest_is_not_copied_again(bool inTheMiddleOfAnEpoch)
    {
        Requires.Root();
        Requires.Kernel(6, 7);
        using var writer = new Writer(program, Pages);
        using DirtyTracker tracker = DirtyTracker.Attach(writer.Pid);
        using var backup = new BackupUnderTest();
        using var pool = new SegmentPool();
        using var queue = new EpochQueue();
        using var shipper = new EpochShipper(queue, backup.Primary, TimeSpan.FromMinutes(5));
        var memory = new MemoryParticipant(writer.Pid, tracker, pool, queue, new NoFreePages());
        var hardware = new WriterHardware(writer, memory, queue) { Count = 1 };
        var other = new Obstacle();
        using var loop = new CheckpointLoop(new StopAndContinue(writer), queue, [hardware, memory, other], new PauseStatistics());
        using var stop = new CancellationTokenSource();
        Task shipping = Task.Factory.StartNew(() => shipper.Run(stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        Seal(() => loop.TryFinalCheckpoint(stop.Token));
        Acknowledge(backup, loop);
        Assert.Single(backup.Session.Store.Blocks);
        long before = shipper.Counters.DirtyPages;

        if (inTheMiddleOfAnEpoch)
        {
            other.IsInTheWay = true;
            Assert.Equal(CheckpointOutcome.Deferred, loop.TryCheckpoint(stop.Token));
            other.IsInTheWay = false;
            writer.TryPause();
            before = shipper.Counters.DirtyPages;
        }

        // The writer stands still: what is sent is what was plugged in.
        hardware.Count = 2;
        Seal(() => loop.TryFinalCheckpoint(stop.Token));
        Acknowledge(backup, loop);

        AssertEqual(writer, backup.Session.Store);
        long plugged = writer.Blocks[1].Info.PageCount;
        Assert.InRange(shipper.Counters.DirtyPages - before, plugged, plugged + (inTheMiddleOfAnEpoch ? Pages : 0));
        stop.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => shipping.GetAwaiter().GetResult());
    }

    [Fact]
    public void What_a_refused_try_found_is_copied_though_memory_is_plugged_in_before_the_next()
    {
        Requires.Root();
        Requires.Kernel(6, 7);
        using var writer = new Writer(program, Pages);
        using DirtyTracker tracker = DirtyTracker.Attach(writer.Pid);
        using var backup = new BackupUnderTest();
        using var pool = new SegmentPool();
        using var queue = new EpochQueue();
        using var shipper = new EpochShipper(queue, backup.Primary, TimeSpan.FromMinutes(5));
        var memory = new MemoryParticipant(writer.Pid, tracker, pool, queue, new NoFreePages());
        var hardware = new WriterHardware(writer, memory, queue) { Count = 1 };
        using var loop = new CheckpointLoop(new StopAndContinue(writer), queue, [hardware, memory], new PauseStatistics());
        using var stop = new CancellationTokenSource();
        Task shipping = Task.Factory.StartNew(() => shipper.Run(stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        Seal(() => loop.TryFinalCheckpoint(stop.Token));
        Acknowledge(backup, loop);
        writer.Resume();

        // All segments are in use, so anything that was written is too much for a pause.
        var rented = new List<CaptureSegment>();
        hardware.WhenPaused = () =>
        {
            while (pool.FreePages > 0)
            {
                rented.Add(pool.Rent(stop.Token));
            }
        };
        CheckpointOutcome outcome;
        do
        {
            outcome = loop.TryFinalCheckpoint(stop.Token);
            rented.ForEach(segment => segment.Dispose());
            rented.Clear();
            if (outcome is CheckpointOutcome.Sealed)
            {
                // It has written nothing yet.
                Acknowledge(backup, loop);
                writer.Resume();
            }
        }
        while (outcome is CheckpointOutcome.Sealed);
        hardware.WhenPaused = null;
        writer.TryPause();
        hardware.Count = 2;
        Seal(() => loop.TryFinalCheckpoint(stop.Token));
        Acknowledge(backup, loop);

        AssertEqual(writer, backup.Session.Store);
        stop.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => shipping.GetAwaiter().GetResult());
    }

    private static void Seal(Func<CheckpointOutcome> tryCheckpoint)
    {
        CheckpointOutcome outcome = tryCheckpoint();
        while (outcome is CheckpointOutcome.Deferred)
        {
            // A writer that got most of the processor has written more than the pool holds.
            outcome = tryCheckpoint();
        }
        Assert.Equal(CheckpointOutcome.Sealed, outcome);
    }

    private static void Acknowledge(BackupUnderTest backup, CheckpointLoop loop)
    {
        (RecordType type, ulong epoch, _) = backup.Receive();
        Assert.Equal(RecordType.Ack, type);
        loop.Acknowledge(new EpochId(epoch));
    }

    private static void AssertEqual(Writer writer, ReplicaStore store)
    {
        byte[] replica = new byte[4096];
        for (int block = 0; block < writer.Blocks.Count; block++)
        {
            byte[] memory = writer.Read(block);
            for (int page = 0; page < memory.Length / 4096; page++)
            {
                store.ReadPage(block, page, replica);
                Assert.True(memory.AsSpan(page * 4096, 4096).SequenceEqual(replica), $"page {page} of block {block} differs");
            }
        }
    }
}
