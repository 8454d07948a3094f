// SPDX-License-Identifier: LGPL-2.1-or-later
using Xunit;

namespace Hikae.Sidecar.Tests.Disk;

/// <summary>The way back to a disk that is written directly, with a guest that goes on.</summary>
public sealed class DrainTests
{
    private const int HeldBytes = 4 << 20;

    [Fact]
    public void A_drain_ends_though_the_guest_writes_many_times_faster_than_its_storage()
    {
        StuckImage? image = null;
        using var running = new RunningDisk(wrap: file => image = new StuckImage(file));
        image!.Delay = TimeSpan.FromMilliseconds(2);
        running.Disk.Hold();
        using var guest = new PausableWriter(running, inFlight: 16);
        Assert.True(SpinWait.SpinUntil(() => running.Disk.BufferedBytes > HeldBytes, RunningDisk.Patience));

        running.Disk.PassThrough();
        long held = running.Disk.BufferedBytes;
        Assert.True(running.Disk.WaitDrained(RunningDisk.Patience));

        long written;
        lock (image.Done)
        {
            written = image.Done.Sum(write => write.Length);
        }

        // Half as much in each round, and what passes through between the end and this test's look.
        Assert.InRange(written, HeldBytes, (5 * held) + (16 << 20));
        Assert.True(guest.AwaitWrites(50, RunningDisk.Patience), "the guest's writes do not go on");
    }

    // As after a failover: the former owner may still write the image.
    [Fact]
    public void A_guest_does_not_wait_for_an_image_that_may_not_be_written_yet()
    {
        const int writeBytes = 64 << 10;
        const int writes = 2 * HeldBytes / writeBytes;
        using var running = new RunningDisk();
        using NbdTestClient guest = running.Connect();
        running.Disk.Hold();
        running.Disk.AllowImageWrites(false);
        running.Disk.PassThrough();

        byte[] data = new byte[writeBytes];
        for (int i = 0; i < writes; i++)
        {
            data.AsSpan().Fill((byte)i);
            guest.WriteBytes(i * writeBytes, data);
        }

        Assert.InRange(running.Disk.BufferedBytes, writes * writeBytes, long.MaxValue);
        Assert.False(running.ImageBytes(0, writes * writeBytes).AsSpan().ContainsAnyExcept((byte)0));
        running.Disk.AllowImageWrites(true);
        Assert.True(running.Disk.WaitDrained(RunningDisk.Patience));
        Assert.Equal(data, running.ImageBytes((writes - 1) * writeBytes, writeBytes));
    }
}
