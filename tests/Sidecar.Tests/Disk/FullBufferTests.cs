// SPDX-License-Identifier: LGPL-2.1-or-later
using Xunit;

namespace Hikae.Sidecar.Tests.Disk;

/// <summary>A checkpoint's "stop" waits for every write that the guest has begun. So no write may wait for a checkpoint, however full the buffer is.</summary>
public sealed class FullBufferTests
{
    private const int WriteBytes = 64 << 10;
    private const int InFlight = 64;

    // Far more than fits below the bound: 8 MiB in flight against 1 MiB.
    [Fact]
    public void Every_write_under_way_is_acknowledged_though_the_buffer_is_full_and_nothing_commits()
    {
        using var running = new RunningDisk(maxBytes: 1 << 20, reserveBytes: 16 << 20);
        using NbdTestClient client = running.Connect();
        running.Disk.Hold();

        SendWrites(client, InFlight);
        AwaitAll(client, InFlight);

        Assert.InRange(running.Disk.BufferedBytes, InFlight * WriteBytes, 16 << 20);
        running.Drain();
    }

    [Fact]
    public void A_checkpoint_that_is_announced_lets_all_of_them_through_at_once()
    {
        using var running = new RunningDisk(maxBytes: 1 << 20, reserveBytes: 256 << 20);
        using NbdTestClient client = running.Connect();
        running.Disk.Hold();
        using var wanted = new ManualResetEventSlim();
        running.Disk.CheckpointWanted += wanted.Set;

        // At the pace of the reserve this would take four seconds for each connection; the announcement makes it none.
        SendWrites(client, InFlight);
        Assert.True(wanted.Wait(RunningDisk.Patience, TestContext.Current.CancellationToken));
        running.Disk.PrepareSeal();
        SendWrites(client, InFlight);
        AwaitAll(client, 2 * InFlight);
        Assert.False(running.Disk.Seal(1));
        running.Disk.Commit(1);

        running.Drain();
    }

    [Fact]
    public void A_guest_that_never_pauses_is_checkpointed_a_hundred_times_through_a_full_buffer()
    {
        using var running = new RunningDisk(maxBytes: 1 << 20, reserveBytes: 32 << 20);
        running.Disk.Hold();
        using var guest = new PausableWriter(running, inFlight: 16);

        for (ulong epoch = 1; epoch <= 100; epoch++)
        {
            Assert.True(guest.AwaitWrites(50, RunningDisk.Patience));
            running.Disk.PrepareSeal();
            Assert.True(guest.Pause(RunningDisk.Patience), $"epoch {epoch}: stop waits for a write, with {running.Disk.BufferedBytes} bytes buffered");
            running.Disk.Seal(epoch);
            guest.Resume();
            running.Disk.Commit(epoch);
        }
    }

    [Fact]
    public void Without_any_announcement_a_stop_takes_longer_but_comes()
    {
        using var running = new RunningDisk(maxBytes: 1 << 20, reserveBytes: 64 << 20);
        running.Disk.Hold();
        using var guest = new PausableWriter(running, inFlight: 16);

        for (ulong epoch = 1; epoch <= 10; epoch++)
        {
            Assert.True(guest.AwaitWrites(50, RunningDisk.Patience));
            Assert.True(guest.Pause(RunningDisk.Patience), $"epoch {epoch}: stop waits for a write");
            running.Disk.Seal(epoch);
            guest.Resume();
        }

        running.Disk.Commit(10);
    }

    [Fact]
    public void Writes_go_on_when_even_the_reserve_was_full()
    {
        using var running = new RunningDisk(maxBytes: 1 << 20, reserveBytes: 0);
        using NbdTestClient client = running.Connect();
        running.Disk.Hold();
        SendWrites(client, InFlight);
        using NbdTestClient other = running.Connect();
        Assert.Equal(512, other.ReadBytes(0, 512).Length);

        running.Disk.PassThrough();

        AwaitAll(client, InFlight);
        Assert.True(running.Disk.WaitDrained(RunningDisk.Patience));
    }

    private static void SendWrites(NbdTestClient client, int count)
    {
        byte[] data = new byte[WriteBytes];
        for (int i = 0; i < count; i++)
        {
            client.Send(NbdTestClient.Write, (ulong)(i % 100 * WriteBytes), WriteBytes, data);
        }
    }

    private static void AwaitAll(NbdTestClient client, int count)
    {
        for (int i = 0; i < count; i++)
        {
            Assert.Equal(0u, client.Next().Error);
        }
    }
}
