// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Hikae.Sidecar.Disk.Graph;
using Xunit;

namespace Hikae.Disks.Tests;

/// <summary>A sidecar that is killed between any two monitor commands leaves something that its successor puts right.</summary>
public sealed class KilledSidecarTests(DisksLab lab)
{
    private const int MoreCommandsThanAnyChangeNeeds = 30;

    [Fact]
    public void Whatever_a_killed_sidecar_left_is_whole_after_recovery()
    {
        LabGuest guest = lab.Lab.StartGuest("killed", new LabGuestOptions
        {
            MemoryMiB = 128, App = "blocks", Append = "hikae.pace=30", Data = ["virtio,raw,16M,iothread", "virtio,qcow2,32M", "scsi,qcow2,16M,iothread"],
        });
        using var disks = new GuestDisks(guest, lab.Lab.HostA);
        disks.WaitForGoodWork(3, 5);
        IReadOnlyList<GuestDisk> all = disks.Graph.Discover();
        string[] options = disks.NodeOptions();

        disks.Stopped(() => Assert.All(all, disk => KillAtEachCommand(disks, disk, options)));
        Assert.Equal(options, disks.NodeOptions());
        disks.WaitForGoodWork(3);

        disks.Stopped(() => disks.InsertAll(all));
        BlockGraph successor = disks.NewGraph();
        Assert.Equal(3, successor.Remembered.Count);
        Assert.All(successor.Remembered, disk => Assert.NotEqual(0u, disk.ImageOwner.User));
        Assert.Equal(3, disks.Stopped(() => successor.Recover()).Count);
        Assert.Equal(all.Select(disk => string.Join(' ', disk.Nodes)), successor.Discover().Select(disk => string.Join(' ', disk.Nodes)));
        disks.WaitForGoodWork(3);

        // QEMU aborts when a device is given the node it has; so a second time must find that nothing is to be done.
        disks.Stopped(() => Assert.All(all, disk => successor.Insert(disk, disks.SocketOf(disk))));
        Assert.Null(successor.Check());
        disks.Stopped(() =>
        {
            disks.RemoveAll(all);
            Assert.All(all, successor.Remove);
        });
        Assert.Equal(options, disks.NodeOptions());
        Assert.Empty(disks.NewGraph().Remembered);
        disks.WaitForGoodWork(3);
    }

    private static void KillAtEachCommand(GuestDisks disks, GuestDisk disk, string[] options)
    {
        int killed = 0;
        for (int calls = 0; calls < MoreCommandsThanAnyChangeNeeds; calls++)
        {
            disks.Serve(disk);
            killed += Killed(() => disks.NewGraph(calls).Insert(disk, disks.SocketOf(disk)));
            disks.ServerOf(disk).PassThrough();
            BlockGraph successor = disks.NewGraph();
            successor.Recover();
            Assert.Equal(successor.Remembered.Count == 1, successor.IsInserted(disk));
            successor.Insert(disk, disks.SocketOf(disk));
            Assert.True(successor.IsInserted(disk));

            killed += Killed(() => disks.NewGraph(calls).Remove(disk));
            successor = disks.NewGraph();
            successor.Recover();
            successor.Remove(disk);
            Assert.Equal(options, disks.NodeOptions());
        }
        Assert.InRange(killed, 10, (2 * MoreCommandsThanAnyChangeNeeds) - 2);
    }

    private static int Killed(Action work)
    {
        try
        {
            work();
            return 0;
        }
        catch (OperationCanceledException)
        {
            return 1;
        }
    }
}
