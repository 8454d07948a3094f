// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Disk;
using Hikae.Sidecar.Disk.Buffer;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hikae.Sidecar.Tests.Disk;

public sealed class ServedDiskTests
{
    private static readonly byte[] Ones = [.. Enumerable.Repeat((byte)1, 8192)];
    private static readonly byte[] Twos = [.. Enumerable.Repeat((byte)2, 8192)];
    private static readonly byte[] Zeros = new byte[8192];

    [Fact]
    public void Passing_through_a_write_is_in_the_image_when_it_is_acknowledged()
    {
        using var running = new RunningDisk();
        using NbdTestClient client = running.Connect();

        client.WriteBytes(4096, Ones);

        Assert.Equal(Ones, running.ImageBytes(4096, 8192));
        Assert.Equal(0u, client.Do(NbdTestClient.Flush, 0, 0).Error);
        Assert.Equal(DiskMode.PassThrough, running.Disk.Mode);
    }

    [Fact]
    public void Holding_nothing_reaches_the_image_before_its_commit()
    {
        using var running = new RunningDisk();
        using NbdTestClient client = running.Connect();
        running.Disk.Hold();
        client.WriteBytes(0, Ones);
        client.WriteBytes(8192, Twos, NbdTestClient.Fua);
        Assert.Equal(0u, client.Do(NbdTestClient.Flush, 0, 0).Error);

        Assert.Equal(Ones, client.ReadBytes(0, 8192));
        Assert.True(running.Disk.Seal(1));
        client.WriteBytes(0, Twos);
        Assert.Equal(Zeros, running.ImageBytes(0, 8192));
        Flush(running, 1);

        Assert.Equal(Ones, running.ImageBytes(0, 8192));
        Assert.Equal(Twos, running.ImageBytes(8192, 8192));
        Assert.Equal(Twos, client.ReadBytes(0, 8192));
        Assert.False(running.Disk.Seal(2));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_flush_before_the_first_commit_waits_for_it_or_for_the_image(bool commits)
    {
        using var running = new RunningDisk();
        using NbdTestClient client = running.Connect();
        running.Disk.Hold(awaitFirstCommit: true);
        client.WriteBytes(0, Ones);
        uint? answer = null;
        var flush = new Thread(() => answer = client.Do(NbdTestClient.Flush, 0, 0).Error);
        flush.Start();
        Assert.False(flush.Join(TimeSpan.FromMilliseconds(200)));

        if (commits)
        {
            running.Disk.Commit(1);
        }
        else
        {
            running.Disk.PassThrough();
        }

        Assert.True(flush.Join(RunningDisk.Patience));
        Assert.Equal(0u, answer);
        Assert.Equal(commits ? Zeros : Ones, running.ImageBytes(0, 8192));
    }

    [Fact]
    public void Epochs_reach_the_image_in_order_each_with_a_flush_behind_it()
    {
        StuckImage image = null!;
        using var running = new RunningDisk(wrap: inner => image = new StuckImage(inner));
        using NbdTestClient client = running.Connect();
        running.Disk.Hold();
        for (ulong epoch = 1; epoch <= 3; epoch++)
        {
            client.WriteBytes(0, Ones);
            client.Do(NbdTestClient.WriteZeroes, 512, 512);
            client.Do(NbdTestClient.WriteZeroes, 512, 512, flags: NbdTestClient.NoHole);
            client.Do(NbdTestClient.Trim, 4096, 4096);
            running.Disk.Seal(epoch);
            Flush(running, epoch);
        }

        (string, long, long)[] once = [("write", 0, 8192), ("unmap", 512, 512), ("zero", 512, 512), ("trim", 4096, 4096), ("flush", 0, 0)];
        Assert.Equal([.. once, .. once, .. once], image.Done);
    }

    [Fact]
    public void An_epoch_without_writes_is_flushed_only_if_the_guest_flushed()
    {
        StuckImage image = null!;
        using var running = new RunningDisk(wrap: inner => image = new StuckImage(inner));
        using NbdTestClient client = running.Connect();
        client.WriteBytes(0, Ones);
        running.Disk.Hold();
        running.Disk.Seal(1);
        Flush(running, 1);
        Assert.DoesNotContain(image.Done, done => done.What == "flush");

        Assert.Equal(0u, client.Do(NbdTestClient.Flush, 0, 0).Error);
        Assert.True(running.Disk.Seal(2));
        Flush(running, 2);

        Assert.Equal(("flush", 0, 0), image.Done[^1]);
    }

    [Fact]
    public void A_flush_while_nothing_is_left_to_drain_is_still_the_images()
    {
        StuckImage image = null!;
        using var running = new RunningDisk(wrap: inner => image = new StuckImage(inner));
        using NbdTestClient client = running.Connect();
        client.WriteBytes(0, Ones);
        running.Disk.Hold();
        running.Drain();

        Assert.Equal(0u, client.Do(NbdTestClient.Flush, 0, 0).Error);

        Assert.Equal(("flush", 0, 0), image.Done[^1]);
    }

    [Fact]
    public void An_epoch_that_is_not_committed_drains_too()
    {
        using var running = new RunningDisk();
        using NbdTestClient client = running.Connect();
        running.Disk.Hold();
        client.WriteBytes(0, Ones);
        running.Disk.Seal(1);
        client.WriteBytes(8192, Twos);

        running.Drain();

        Assert.Equal(Ones, running.ImageBytes(0, 8192));
        Assert.Equal(Twos, running.ImageBytes(8192, 8192));
        Assert.Equal(0, running.Disk.BufferedBytes);
        running.Disk.Hold();
        client.WriteBytes(0, Twos);
        running.Disk.Seal(1);
        Flush(running, 1);
    }

    [Fact]
    public void Draining_a_flush_waits_until_what_came_before_it_is_durable()
    {
        StuckImage image = null!;
        using var running = new RunningDisk(wrap: inner => image = new StuckImage(inner));
        using NbdTestClient client = running.Connect();
        running.Disk.Hold();
        client.WriteBytes(0, Ones);
        image.Hangs = true;
        running.Disk.PassThrough();

        ulong flush = client.Send(NbdTestClient.Flush, 0, 0);
        NbdTestReply overtaking = AwaitReplyTo(client, client.Send(NbdTestClient.Read, 0, 512));
        Assert.Equal(DiskMode.Draining, running.Disk.Mode);
        image.Hangs = false;

        Assert.Equal(0u, overtaking.Error);
        Assert.Equal(flush, client.Next().Cookie);
        Assert.Contains(image.Done, done => done.What == "flush");
        Assert.True(running.Disk.WaitDrained(RunningDisk.Patience));
    }

    [Fact]
    public void A_drain_ends_though_the_guest_never_stops_writing()
    {
        using var running = new RunningDisk();
        running.Disk.Hold();
        using var stop = new ManualResetEventSlim();
        var writer = new Thread(() =>
        {
            using NbdTestClient client = running.Connect();
            for (int i = 0; !stop.IsSet; i++)
            {
                client.WriteBytes(i % 1000 * 8192, Ones);
            }
        });
        writer.Start();

        running.Drain();
        stop.Set();
        writer.Join();

        Assert.Equal(0, running.Disk.BufferedBytes);
    }

    [Fact]
    public void While_the_image_is_closed_nothing_touches_it_but_reads()
    {
        StuckImage image = null!;
        using var running = new RunningDisk(wrap: inner => image = new StuckImage(inner));
        using NbdTestClient client = running.Connect();
        running.Disk.AllowImageWrites(false);
        Assert.True(running.Disk.WaitImageIdle(RunningDisk.Patience));

        ulong write = client.Send(NbdTestClient.Write, 0, 8192, Ones);
        ulong flush = client.Send(NbdTestClient.Flush, 0, 0);
        Assert.Equal(0u, AwaitReplyTo(client, client.Send(NbdTestClient.Read, 0, 512)).Error);
        Assert.Empty(image.Done);
        running.Disk.AllowImageWrites(true);

        Assert.Equal([write, flush], new[] { client.Next().Cookie, client.Next().Cookie }.Order());
        Assert.Equal(Ones, running.ImageBytes(0, 8192));
    }

    [Fact]
    public void A_committed_epoch_waits_for_an_image_that_is_closed()
    {
        using var running = new RunningDisk();
        using NbdTestClient client = running.Connect();
        running.Disk.Hold();
        running.Disk.AllowImageWrites(false);
        client.WriteBytes(0, Ones);
        running.Disk.Seal(1);
        running.Disk.Commit(1);
        client.WriteBytes(8192, Twos);
        running.Disk.PassThrough();
        Assert.False(running.Disk.WaitDrained(TimeSpan.FromMilliseconds(100)));
        Assert.Equal(Zeros, running.ImageBytes(0, 8192));
        Assert.Equal(Ones, client.ReadBytes(0, 8192));

        running.Disk.AllowImageWrites(true);

        Assert.True(running.Disk.WaitDrained(RunningDisk.Patience));
        Assert.Equal(Twos, running.ImageBytes(8192, 8192));
    }

    [Fact]
    public void An_image_that_fails_keeps_the_writes_in_the_buffer_until_it_works()
    {
        StuckImage image = null!;
        using var running = new RunningDisk(wrap: inner => image = new StuckImage(inner));
        using NbdTestClient client = running.Connect();
        running.Disk.Hold();
        client.WriteBytes(0, Ones);
        running.Disk.Seal(1);
        image.Failure = new IOException("no space left");
        running.Disk.Commit(1);
        Assert.True(SpinWait.SpinUntil(() => running.Disk.ImageTrouble is not null, RunningDisk.Patience));
        Assert.Equal(Ones, client.ReadBytes(0, 8192));

        image.Failure = null;
        Flush(running, 1);

        Assert.Null(running.Disk.ImageTrouble);
        Assert.Equal(Ones, running.ImageBytes(0, 8192));
    }

    // After a failed flush the page cache holds what it could not write back no more, and the next flush says all is well.
    [Fact]
    public void After_a_flush_that_failed_all_is_written_again()
    {
        StuckImage image = null!;
        using var running = new RunningDisk(wrap: inner => image = new StuckImage(inner));
        using NbdTestClient client = running.Connect();
        running.Disk.Hold();
        client.WriteBytes(0, Ones);
        running.Disk.Seal(1);
        client.WriteBytes(8192, Twos);
        running.Disk.Seal(2);
        image.FlushFailure = new IOException("lost");

        Flush(running, 2);

        Assert.Equal(2, image.Done.Count(done => done == ("write", 0, 8192)));
        Assert.Equal(("flush", 0, 0), image.Done[^1]);
    }

    [Fact]
    public void An_error_of_the_image_reaches_the_guest_when_writes_pass_through()
    {
        StuckImage image = null!;
        using var running = new RunningDisk(wrap: inner => image = new StuckImage(inner));
        using NbdTestClient client = running.Connect();

        image.Failure = new IOException("broken");
        Assert.Equal(5u, client.Do(NbdTestClient.Write, 0, 512, new byte[512]).Error);
        Assert.Equal(5u, client.Do(NbdTestClient.Flush, 0, 0).Error);
        image.Failure = null;

        Assert.Equal(0u, client.Do(NbdTestClient.Write, 0, 512, new byte[512]).Error);
    }

    [Fact]
    public void A_read_that_waits_for_the_image_does_not_hold_up_one_from_the_buffer()
    {
        StuckImage image = null!;
        using var running = new RunningDisk(wrap: inner => image = new StuckImage(inner) { HasNoCache = true });
        using NbdTestClient client = running.Connect();
        running.Disk.Hold();
        client.WriteBytes(0, Ones);
        image.Hangs = true;

        ulong slow = client.Send(NbdTestClient.Read, 1 << 20, 4096);
        ulong fast = client.Send(NbdTestClient.Read, 0, 4096);
        Assert.Equal(fast, client.Next().Cookie);
        image.Hangs = false;

        Assert.Equal(slow, client.Next().Cookie);
    }

    [Fact]
    public void A_successor_finds_what_was_buffered_and_writes_nothing_before_it_is_told()
    {
        using var running = new RunningDisk();
        using (NbdTestClient client = running.Connect())
        {
            running.Disk.Hold();
            client.WriteBytes(0, Ones);
            running.Disk.Seal(4);
            running.Disk.AllowImageWrites(false);
            running.Disk.Commit(4);
            client.WriteBytes(8192, Twos);
        }

        running.Disk.Dispose();
        running.Buffer.Dispose();
        using EpochBuffer buffer = EpochBuffer.Open(running.Folder.File("buffer"), 64 << 20, 64 << 20);
        using var next = new ServedDisk("vda", running.Image, buffer, 16 << 20, NullLogger.Instance);

        Assert.Equal(DiskMode.Holding, next.Mode);
        Assert.Equal(4ul, buffer.LastCommitted);
        Assert.Equal(Zeros, running.ImageBytes(0, 8192));
        next.PassThrough();
        Assert.True(next.WaitDrained(RunningDisk.Patience));
        Assert.Equal(Ones, running.ImageBytes(0, 8192));
        Assert.Equal(Twos, running.ImageBytes(8192, 8192));
    }

    private static void Flush(RunningDisk running, ulong epoch)
    {
        using var flushed = new ManualResetEventSlim();
        void OnFlushed(ulong through)
        {
            if (through >= epoch)
            {
                flushed.Set();
            }
        }

        running.Disk.Flushed += OnFlushed;
        running.Disk.Commit(epoch);
        Assert.True(flushed.Wait(RunningDisk.Patience, TestContext.Current.CancellationToken), $"epoch {epoch} was not flushed");
        running.Disk.Flushed -= OnFlushed;
    }

    // The reply that comes first must be the one to this request, whatever else was sent before.
    private static NbdTestReply AwaitReplyTo(NbdTestClient client, ulong cookie)
    {
        NbdTestReply reply = client.Next();
        Assert.Equal(cookie, reply.Cookie);
        return reply;
    }
}
