// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Harness.Labs;
using Hikae.Sidecar;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Disk;
using Hikae.Sidecar.Disk.Buffer;
using Hikae.Sidecar.Disk.Graph;
using Hikae.Sidecar.Disk.Images;
using Hikae.Sidecar.Disk.Primary;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hikae.Disks.Tests;

/// <summary>The sidecar's own server in a guest's block graph, epoch after epoch.</summary>
public sealed class HeldDiskTests(DisksLab lab)
{
    private const long BufferBytes = 64 << 20;
    private const ulong Epochs = 10;

    [Fact]
    public void Held_writes_reach_the_image_and_nobody_else_opens_it_before()
    {
        LabGuest guest = lab.Lab.StartGuest("held", new LabGuestOptions
        {
            MemoryMiB = 128, App = "blocks", Append = "hikae.pace=30", Data = ["virtio,raw,16M", "scsi,qcow2,32M,iothread"],
        });
        using var disks = new GuestDisks(guest, lab.Lab.HostA);
        disks.WaitForGoodWork(2, 5);
        Held[] all = [.. disks.Graph.Discover().Select(disk => new Held(disk, disks))];
        disks.Stopped(() => Assert.All(all, held =>
        {
            disks.Graph.Insert(held.Disk, disks.SocketOf(held.Disk));
            held.Image.Lock(held.Disk.Format);
            held.Server.Hold();
        }));
        for (ulong epoch = 1; epoch <= Epochs; epoch++)
        {
            disks.WaitForGoodWork(2, 5);
            disks.Stopped(() => Assert.All(all, held => held.Server.Seal(epoch)));
            Assert.Null(disks.Graph.Check());
            Assert.All(all, held => held.Server.Commit(epoch));
        }
        Assert.All(all, held => Assert.True(held.WaitFlushed(Epochs)));

        // Nobody listens to QEMU's events here, so nothing is passed through: the other host must not get at the image.
        CommandResult move = lab.Lab.HostA.TryRun("virsh", "-q", "migrate", "--live", "--unsafe", "held", lab.Lab.HostB.LibvirtUri);
        Assert.Contains("lock", Assert.IsType<CommandResult>(move).Errors, StringComparison.Ordinal);
        guest.WaitForDomainState(lab.Lab.HostA, "running");
        Assert.Null(disks.Graph.Check());
        disks.WaitForGoodWork(2);

        disks.Stopped(() => Assert.All(all, held =>
        {
            held.Server.PassThrough();
            Assert.True(held.Server.WaitDrained(TimeSpan.FromSeconds(60)));
            // Somebody has a lock on the image, here ourselves: libvirt's nodes cannot be opened, and ours stay.
            Assert.Throws<QemuMonitorException>(() => disks.Graph.Remove(held.Disk));
            Assert.True(disks.Graph.IsInserted(held.Disk));
        }));
        disks.WaitForGoodWork(2);
        disks.Stopped(() => Assert.All(all, held =>
        {
            held.Image.Unlock();
            disks.Graph.Remove(held.Disk);
        }));
        disks.WaitForGoodWork(2);
        Assert.All(all, held => held.Dispose());
    }

    [Fact]
    public async Task A_suspend_that_waits_for_the_first_commit_makes_the_session_give_up_before_libvirt_does()
    {
        LabGuest guest = lab.Lab.StartGuest("first", new LabGuestOptions
        {
            MemoryMiB = 128, App = "blocks", Append = "hikae.pace=30", Data = ["virtio,raw,16M"],
        });
        using var disks = new GuestDisks(guest, lab.Lab.HostA);
        disks.WaitForGoodWork(1, 5);
        using var held = new Held(Assert.Single(disks.Graph.Discover()), disks);
        disks.Stopped(() =>
        {
            disks.Graph.Insert(held.Disk, disks.SocketOf(held.Disk));
            held.Server.Hold(awaitFirstCommit: true);
        });
        var check = new PatientCheck(() => disks.Graph.Check(), TimeSpan.FromSeconds(2));

        Task<CommandResult> suspend = Task.Run(() => lab.Lab.HostA.TryRun("virsh", "-q", "suspend", "first"), TestContext.Current.CancellationToken);
        NotProtectableException given = lab.Lab.Eventually("the suspend waits for the flush", () => Record.Exception(check.Run)) as NotProtectableException
            ?? throw new InvalidOperationException("libvirt gave up first");
        Assert.Contains("somebody suspends the guest", given.Message, StringComparison.Ordinal);
        held.Server.PassThrough();

        Assert.True((await suspend).Succeeded);
        check.Run();
        Assert.Equal("paused", guest.StateOn(lab.Lab.HostA));
        lab.Lab.HostA.Virsh("resume", "first");
        disks.WaitForGoodWork(1);
        disks.Stopped(() =>
        {
            Assert.True(held.Server.WaitDrained(TimeSpan.FromSeconds(60)));
            disks.Graph.Remove(held.Disk);
        });
        disks.WaitForGoodWork(1);
    }

    private sealed class Held : IDisposable
    {
        private readonly EpochBuffer _buffer;
        private readonly ManualResetEventSlim _flushedLast = new();

        public Held(GuestDisk disk, GuestDisks disks)
        {
            Disk = disk;
            string socket = disks.Outside(disks.SocketOf(disk));
            Image = FileImage.Open(disks.Outside(disk.ImagePath));
            _buffer = EpochBuffer.Open(socket + ".buffer", BufferBytes);
            Server = new ServedDisk(disk.Alias, Image, _buffer, disk.ExportBytes, NullLogger.Instance);
            Server.Flushed += epoch =>
            {
                if (epoch >= Epochs)
                {
                    _flushedLast.Set();
                }
            };
            var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            listener.Bind(new UnixDomainSocketEndPoint(socket));
            File.SetUnixFileMode(socket, (UnixFileMode)0b110_110_110);
            listener.Listen();
            Server.Serve(listener);
        }

        public GuestDisk Disk { get; }

        public FileImage Image { get; }

        public ServedDisk Server { get; }

        public bool WaitFlushed(ulong epoch) => epoch == Epochs && _flushedLast.Wait(TimeSpan.FromSeconds(60));

        public void Dispose()
        {
            Server.Dispose();
            _buffer.Dispose();
            Image.Dispose();
            _flushedLast.Dispose();
        }
    }
}
