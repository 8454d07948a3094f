// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Epoch;
using Xunit;

namespace Hikae.Sidecar.Tests.Capture;

/// <summary>The whole way of a page but for QEMU: a real process is tracked, paused, copied, shipped and kept, while it writes.</summary>
public sealed class TrackedReplicationTests : IClassFixture<WriterProgram>
{
    // 20 MiB: five segments, and rounds before the pause.
    private const uint Pages = 5_121;
    private const int MostTries = 100;

    private readonly WriterProgram _program;

    public TrackedReplicationTests(WriterProgram program)
    {
        Requires.Root();
        Requires.Kernel(6, 7);
        _program = program;
    }

    [Fact]
    public void A_replica_equals_the_process_byte_for_byte_at_any_checkpoint()
    {
        using var replication = new TrackedReplication(_program, Pages, blocks: 2);
        for (int round = 0; round < 4; round++)
        {
            for (int i = 0; i < 4; i++)
            {
                replication.Commit();
            }
            replication.CommitFinal();
            replication.AssertEqual();
            replication.Writer.Resume();
        }

        Assert.Equal(20UL, replication.Backup.Session.Store.CommittedEpoch);
        // It writes single bytes of most of its pages.
        Assert.InRange(replication.Shipper.Counters.DeltaPages, 100, long.MaxValue);
        replication.End();
    }

    [Fact]
    public void What_a_device_writes_behind_the_page_tables_is_in_the_replica()
    {
        using var replication = new TrackedReplication(_program, Pages * 2, blocks: 2, readsDirectly: true);
        for (int round = 0; round < 4; round++)
        {
            replication.Commit();
            replication.CommitFinal();
            replication.AssertEqual();
            replication.Writer.Resume();
        }
        replication.End();
    }

    [Fact]
    public void A_page_that_was_free_in_the_first_answer_and_written_before_the_last_is_copied()
    {
        ZeroPagesInParts? free = null;
        using var replication = new TrackedReplication(_program, Pages, blocks: 2, writer => free = new ZeroPagesInParts(writer));
        replication.Writer.TryPause();

        replication.CommitFinal();

        replication.AssertEqual();
        // All parts of memory, before the first copy.
        Assert.Equal(8, free!.Answers);
        replication.End();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Memory_that_was_plugged_in_is_copied_and_the_rest_is_not_copied_again(bool inTheMiddleOfAnEpoch)
    {
        using var replication = new TrackedReplication(_program, Pages, blocks: 1);
        // A last checkpoint leaves what it found unprotected. On a busy machine the writer may get to all of its memory before it is stopped: that would show nothing.
        long before, unprotected;
        int tries = 0;
        do
        {
            Assert.InRange(tries++, 0, MostTries);
            replication.Writer.Resume();
            // The first protects what it finds. The last follows before that is acknowledged, so that the writer has little time.
            Assert.Equal(CheckpointOutcome.Sealed, replication.TryCheckpoint());
            Assert.Equal(CheckpointOutcome.Sealed, replication.TryFinalCheckpoint());
            replication.Acknowledge();
            replication.Acknowledge();
            Assert.Single(replication.Backup.Session.Store.Blocks);
            before = replication.Shipper.Counters.DirtyPages;
            replication.CommitFinal();
            unprotected = replication.Shipper.Counters.DirtyPages - before;
        }
        while (unprotected == Pages / 3);
        Assert.InRange(unprotected, 0, Pages / 3 - 1);
        before += unprotected;

        if (inTheMiddleOfAnEpoch)
        {
            replication.Obstacle.IsInTheWay = true;
            Assert.Equal(CheckpointOutcome.Deferred, replication.TryCheckpoint());
            replication.Obstacle.IsInTheWay = false;
            replication.Writer.TryPause();
            before = replication.Shipper.Counters.DirtyPages;
        }

        // The writer stands still: what is sent is what was plugged in.
        replication.Hardware.Count = 2;
        replication.CommitFinal();

        replication.AssertEqual();
        long plugged = replication.Writer.Blocks[1].Info.PageCount;
        Assert.InRange(replication.Shipper.Counters.DirtyPages - before, plugged, plugged + (inTheMiddleOfAnEpoch ? Pages : unprotected));
        replication.End();
    }

    [Fact]
    public void What_a_refused_try_found_is_copied_though_memory_is_plugged_in_before_the_next()
    {
        using var replication = new TrackedReplication(_program, Pages, blocks: 1);
        replication.CommitFinal();
        replication.Writer.Resume();

        // All segments are in use, so anything that was written is too much for a pause.
        var rented = new List<CaptureSegment>();
        replication.Hardware.WhenPaused = () =>
        {
            while (replication.Pool.FreePages > 0)
            {
                rented.Add(replication.Pool.Rent(CancellationToken.None));
            }
        };
        CheckpointOutcome outcome;
        do
        {
            outcome = replication.TryFinalCheckpoint();
            rented.ForEach(segment => segment.Dispose());
            rented.Clear();
            if (outcome is CheckpointOutcome.Sealed)
            {
                // It has written nothing yet.
                replication.Acknowledge();
                replication.Writer.Resume();
            }
        }
        while (outcome is CheckpointOutcome.Sealed);
        replication.Hardware.WhenPaused = null;
        replication.Writer.TryPause();
        replication.Hardware.Count = 2;
        replication.CommitFinal();

        replication.AssertEqual();
        replication.End();
    }

    [Fact]
    public void What_is_more_than_the_free_segments_hold_is_sealed_in_the_end()
    {
        const int maxDeferrals = 16;
        using var replication = new TrackedReplication(_program, Pages, blocks: 2);
        replication.Commit();
        // Enough for most of its pages to be written.
        replication.Obstacle.Delay = TimeSpan.FromMilliseconds(50);
        var rented = new List<CaptureSegment>();
        int pauses = 0;
        replication.Hardware.WhenPaused = () =>
        {
            while (replication.Pool.FreePages > 0)
            {
                rented.Add(replication.Pool.Rent(CancellationToken.None));
            }
            if (++pauses > maxDeferrals)
            {
                // One serves for all that was written, again and again.
                CaptureSegment one = rented[^1];
                rented.RemoveAt(rented.Count - 1);
                Task.Run(one.Dispose);
            }
        };

        for (int round = 0; round < 3; round++)
        {
            CheckpointOutcome outcome;
            pauses = 0;
            do
            {
                outcome = replication.TryCheckpoint();
                rented.ForEach(segment => segment.Dispose());
                rented.Clear();
            }
            while (outcome is CheckpointOutcome.Deferred);
            Assert.Equal(CheckpointOutcome.Sealed, outcome);
            // One of them sealed it; without anything written it is the first.
            Assert.InRange(pauses, 1, maxDeferrals + 1);
            replication.Acknowledge();
        }
        replication.Hardware.WhenPaused = null;
        replication.CommitFinal();

        replication.AssertEqual();
        replication.End();
    }
}
