// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Epoch;
using Hikae.Sidecar.Link;
using Hikae.Sidecar.Tests.Link;
using Xunit;

namespace Hikae.Sidecar.Tests.Capture;

/// <summary>A <see cref="Writer"/> that is tracked, paused, copied, shipped and kept: all of the sidecar's way of a page but for QEMU.</summary>
internal sealed class TrackedReplication : IDisposable
{
    // So that pauses are scanned by several threads.
    private const long PieceBytes = 1 << 20;

    private readonly DirtyTracker _tracker;
    private readonly EpochQueue _queue = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly CheckpointLoop _loop;
    private readonly Task _shipping;

    /// <param name="program">What writes.</param>
    /// <param name="pages">Its memory.</param>
    /// <param name="blocks">How many of its blocks are there at first.</param>
    /// <param name="freePages">What the writer, which is handed over, says of its free pages.</param>
    /// <param name="readsDirectly">A device fills pages of the writer behind the page tables.</param>
    public TrackedReplication(WriterProgram program, uint pages, int blocks, Func<Writer, IFreePages>? freePages = null, bool readsDirectly = false)
    {
        Writer = new Writer(program, pages, readsDirectly);
        _tracker = DirtyTracker.Attach(Writer.Pid, PieceBytes, mostThreads: 3);
        Shipper = new EpochShipper(_queue, Backup.Primary, TimeSpan.FromMinutes(5));
        var standstill = new StopAndContinue(Writer);
        var memory = new MemoryParticipant(Writer.Pid, _tracker, standstill, Pool, _queue, freePages?.Invoke(Writer) ?? new NoFreePages()) { AreReadsDirect = readsDirectly };
        Hardware = new WriterHardware(Writer, memory, _queue) { Count = blocks };
        _loop = new CheckpointLoop(standstill, _queue, [Hardware, memory, Obstacle], new PauseStatistics());
        _shipping = Task.Factory.StartNew(() => Shipper.Run(_stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    public Writer Writer { get; }

    public BackupUnderTest Backup { get; } = new();

    public SegmentPool Pool { get; } = new();

    public EpochShipper Shipper { get; }

    public WriterHardware Hardware { get; }

    /// <summary>Comes after memory in each pause.</summary>
    public Obstacle Obstacle { get; } = new();

    /// <summary>Tries once; the writer goes on.</summary>
    public CheckpointOutcome TryCheckpoint() => _loop.TryCheckpoint(_stop.Token);

    /// <summary>Tries once; the writer stands still if it succeeds.</summary>
    public CheckpointOutcome TryFinalCheckpoint() => _loop.TryFinalCheckpoint(_stop.Token);

    /// <summary>A checkpoint is made and acknowledged; the writer goes on.</summary>
    public void Commit() => Commit(TryCheckpoint);

    /// <summary>The same, and the writer stands still.</summary>
    public void CommitFinal() => Commit(TryFinalCheckpoint);

    public void Acknowledge()
    {
        (RecordType type, ulong epoch, _) = Backup.Receive();
        Assert.Equal(RecordType.Ack, type);
        _loop.Acknowledge(new EpochId(epoch));
    }

    /// <summary>The replica is the memory of the writer, which stands still.</summary>
    public void AssertEqual()
    {
        byte[] replica = new byte[4096];
        for (int block = 0; block < Writer.Blocks.Count; block++)
        {
            byte[] memory = Writer.Read(block);
            for (int page = 0; page < memory.Length / 4096; page++)
            {
                Backup.Session.Store.ReadPage(block, page, replica);
                Assert.True(memory.AsSpan(page * 4096, 4096).SequenceEqual(replica), $"page {page} of block {block} differs");
            }
        }
    }

    /// <summary>Shipping ends because it is told to, and not for another reason before.</summary>
    public void End()
    {
        _stop.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => _shipping.GetAwaiter().GetResult());
    }

    public void Dispose()
    {
        // A test that has failed did not end it: nothing here may be gone while it ships.
        _stop.Cancel();
        ((IAsyncResult)_shipping).AsyncWaitHandle.WaitOne();
        _stop.Dispose();
        _loop.Dispose();
        Shipper.Dispose();
        _queue.Dispose();
        Pool.Dispose();
        Backup.Dispose();
        _tracker.Dispose();
        Writer.Dispose();
    }

    private void Commit(Func<CheckpointOutcome> tryCheckpoint)
    {
        CheckpointOutcome outcome = tryCheckpoint();
        while (outcome is CheckpointOutcome.Deferred)
        {
            // A writer that got most of the processor has written more than the pool holds.
            outcome = tryCheckpoint();
        }
        Assert.Equal(CheckpointOutcome.Sealed, outcome);
        Acknowledge();
    }
}
