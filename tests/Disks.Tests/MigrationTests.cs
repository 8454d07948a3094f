// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Hikae.Sidecar.Disk.Graph;
using Hikae.Sidecar.Epoch;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hikae.Disks.Tests;

/// <summary>The guest goes elsewhere while its disks are inserted: saved, moved by libvirt, and received as in a failover.</summary>
public sealed class MigrationTests(DisksLab lab)
{
    private const string Incoming = """
        <qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><qemu:arg value='-incoming'/><qemu:arg value='defer'/></qemu:commandline></domain>
        """;

    private static readonly LabGuestOptions Checking = new()
    {
        MemoryMiB = 128, App = "blocks", Append = "hikae.pace=30", Data = ["virtio,raw,16M", "virtio,qcow2,32M", "scsi,qcow2,16M,iothread", "sata,raw,16M"],
    };

    [Fact]
    public void A_guest_that_is_saved_or_moved_finds_all_it_wrote()
    {
        LabGuest guest = lab.Lab.StartGuest("moved", Checking);
        using (var disks = new GuestDisks(guest, lab.Lab.HostA))
        {
            disks.WaitForGoodWork(Checking.Data.Count, 5);
            IReadOnlyList<GuestDisk> all = disks.Graph.Discover();
            disks.Stopped(() => disks.InsertAll(all));
            using var incidents = new PassingThrough(disks, all);
            disks.WaitForGoodWork(Checking.Data.Count);

            // Somebody else's dump reads no disk, but is a migration to QEMU: it ends, and the guest stays.
            lab.Lab.HostA.Virsh("dump", "moved", "/srv/shared/moved.core", "--live");
            incidents.WaitForEnd();
            Assert.Null(disks.Graph.Check());
            disks.WaitForGoodWork(Checking.Data.Count);

            lab.Lab.HostA.Virsh("save", "moved", "/srv/shared/moved.save");
            Assert.Equal(2, incidents.Began);
        }
        lab.Lab.HostA.Virsh("restore", "/srv/shared/moved.save");
        using (var disks = new GuestDisks(guest, lab.Lab.HostA))
        {
            disks.WaitForGoodWork(Checking.Data.Count);
            string[] options = disks.NodeOptions();
            Assert.Equal(Checking.Data.Count, disks.Graph.Remembered.Count);
            Assert.Empty(disks.Graph.Recover());
            Assert.Equal(options, disks.NodeOptions());
            IReadOnlyList<GuestDisk> all = disks.Graph.Discover();
            disks.Stopped(() => disks.InsertAll(all));
            using var incidents = new PassingThrough(disks, all);
            disks.WaitForGoodWork(Checking.Data.Count);

            lab.Lab.HostA.Virsh("migrate", "--live", "--unsafe", "moved", lab.Lab.HostB.LibvirtUri);
            Assert.Equal(1, incidents.Began);
        }
        using (var disks = new GuestDisks(guest, lab.Lab.HostB))
        {
            disks.WaitForGoodWork(Checking.Data.Count);
            Assert.Equal(Checking.Data.Count, disks.Graph.Discover().Count);
        }
    }

    [Fact]
    public void Disks_are_inserted_before_a_guest_comes_in_and_removed_after()
    {
        LabGuest guest = lab.Lab.StartGuest("incoming", Checking);
        using var source = new GuestDisks(guest, lab.Lab.HostA);
        source.WaitForGoodWork(Checking.Data.Count, 5);
        File.WriteAllText(
            Path.Combine(lab.Lab.SharedFolder, "incoming.xml"),
            lab.Lab.HostA.Virsh("dumpxml", "incoming", "--migratable").Replace("</domain>", Incoming, StringComparison.Ordinal));
        lab.Lab.HostB.Virsh("create", "--paused", "/srv/shared/incoming.xml");
        using var target = new GuestDisks(guest, lab.Lab.HostB);
        IReadOnlyList<GuestDisk> all = target.Graph.Discover();
        Assert.Equal(Checking.Data.Count, all.Count);
        target.InsertAll(all);

        target.Monitor.Execute("migrate-incoming", writer => writer.WriteString("uri", "tcp:0.0.0.0:49999"));
        source.Monitor.Execute("migrate", writer => writer.WriteString("uri", "tcp:hostB:49999"));
        lab.Lab.Until("the guest has moved", () => source.Monitor.Execute("query-migrate").GetProperty("status").GetString() == "completed");
        string[] hashes = target.ImageHashes(all);
        lab.Lab.Until("the guest has arrived", () => target.Monitor.Execute("query-status").GetProperty("status").GetString() == "paused");
        target.Monitor.Execute("cont");
        target.WaitForGoodWork(Checking.Data.Count);
        Assert.Null(target.Graph.Check());
        Assert.Equal(hashes, target.ImageHashes(all));
        lab.Lab.HostA.Virsh("destroy", "incoming");

        target.Stopped(() => target.RemoveAll(all));
        Assert.All(target.NodeOptions(), node => Assert.StartsWith("libvirt-", node, StringComparison.Ordinal));
        target.WaitForGoodWork(Checking.Data.Count);
        target.Stopped(() => target.InsertAll(target.Graph.Discover()));
        target.WaitForGoodWork(Checking.Data.Count);
    }

    /// <summary>What the sidecar does at least: at the first sign, everything goes to the image.</summary>
    private sealed class PassingThrough : IDiskIncidents, IDisposable
    {
        private readonly GuestDisks _disks;
        private readonly IReadOnlyList<GuestDisk> _all;
        private readonly DiskWatcher _watcher;
        private readonly ManualResetEventSlim _ended = new();
        private int _began;

        public PassingThrough(GuestDisks disks, IReadOnlyList<GuestDisk> all)
        {
            _disks = disks;
            _all = all;
            _watcher = new DiskWatcher(disks.Connection, disks.Monitor, this, new Standstills(), NullLogger.Instance);
            Assert.True(_watcher.WaitListening(TimeSpan.FromSeconds(60)));
        }

        public int Began => Volatile.Read(ref _began);

        public void WaitForEnd() => Assert.True(_ended.Wait(TimeSpan.FromSeconds(60)));

        void IDiskIncidents.MigrationBegan()
        {
            Interlocked.Increment(ref _began);
            foreach (GuestDisk disk in _all)
            {
                _disks.ServerOf(disk).PassThrough();
            }
        }

        void IDiskIncidents.MigrationEnded(bool completed) => _ended.Set();

        void IDiskIncidents.DevicesChanged()
        {
        }

        public void Dispose()
        {
            _watcher.Dispose();
            _ended.Dispose();
        }
    }
}
