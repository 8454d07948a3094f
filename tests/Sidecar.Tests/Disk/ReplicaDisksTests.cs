// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Disk;
using Hikae.Sidecar.Disk.Backup;
using Hikae.Sidecar.Disk.Buffer;
using Xunit;

namespace Hikae.Sidecar.Tests.Disk;

public sealed class ReplicaDisksTests : IDisposable
{
    private static readonly Guid Guest = Guid.Parse("2d3c3f0a-6f1c-4c5e-9d55-0d6d8a4b9a10");
    private static readonly DiskInfo Disk = new("virtio-disk0", "/srv/g.raw", "raw", 1 << 20);

    private const long MaxBytes = 1 << 20;

    private readonly TemporaryFolder _folder = new();
    private readonly ReplicaDisks _disks;

    public ReplicaDisksTests()
    {
        _disks = new ReplicaDisks(_folder.Path, Guest, MaxBytes);
        _disks.SetDisks(new DiskList([Disk]));
    }

    [Fact]
    public void What_was_committed_and_not_flushed_is_there_for_whoever_serves_the_disk_next()
    {
        _disks.Put(Record(false, (DiskWrite.Write, 0, [1, 1, 1, 1])));
        _disks.Commit(2);
        _disks.Put(Record(true, (DiskWrite.Write, 0, [2, 2, 2, 2]), (DiskWrite.Trim, 512, [])));
        _disks.Commit(3);
        _disks.DropThrough(2, committed: 3);
        _disks.Put(Record(false, (DiskWrite.Write, 0, [9, 9, 9, 9])));
        _disks.DiscardEpoch();

        Assert.Equal([Disk], _disks.Release());

        using EpochBuffer buffer = BufferFiles.Recover(_folder.Path, Guest, Disk.Alias, MaxBytes);
        Assert.Equal((3UL, 3UL, 0L), (buffer.LastSealed, buffer.LastCommitted, buffer.OpenEpochBytes));
        Assert.True(buffer.HoldsFlush(3));
        using EpochEntries entries = buffer.ReadEpoch(3);
        Assert.True(entries.MoveNext());
        Assert.Equal([2, 2, 2, 2], entries.Current.Data.ToArray());
        Assert.True(entries.MoveNext());
        Assert.Equal(DiskWrite.Trim, entries.Current.Kind);
        Assert.False(entries.MoveNext());
    }

    [Fact]
    public void A_replica_that_nobody_takes_leaves_nothing_behind()
    {
        _disks.Put(Record(false, (DiskWrite.Write, 0, [1])));
        _disks.Commit(2);

        _disks.Dispose();

        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void What_an_earlier_life_left_is_not_part_of_a_replica()
    {
        _disks.Put(Record(false, (DiskWrite.Write, 0, [1])));
        _disks.Commit(7);
        _disks.Release();

        using var anew = new ReplicaDisks(_folder.Path, Guest, MaxBytes);
        anew.SetDisks(new DiskList([Disk]));

        Assert.Equal(0, anew.BufferedBytes);
    }

    [Theory]
    [InlineData((int)DiskWrite.Write, 0, 0)] // without data
    [InlineData((int)DiskWrite.Trim, 0, 512)] // with
    [InlineData(9, 0, 0)]
    [InlineData((int)DiskWrite.Write, 1 << 20, 1)] // past the end
    public void A_write_that_no_guest_can_have_made_is_refused(int kind, long offset, int dataBytes) =>
        Assert.Throws<ReplicationProtocolException>(() => _disks.Put(Record(false, ((DiskWrite)kind, offset, new byte[dataBytes]))));

    [Fact]
    public void Writes_beyond_the_bound_are_refused_and_what_was_committed_stays()
    {
        _disks.Put(Record(false, (DiskWrite.Write, 0, [1])));
        _disks.Commit(2);
        byte[] data = new byte[64 << 10];

        var refused = Assert.Throws<ReplicationProtocolException>(() =>
        {
            for (long sent = 0; sent < 2 * MaxBytes; sent += data.Length)
            {
                _disks.Put(Record(false, (DiskWrite.Write, 0, data)));
            }
        });
        Assert.Contains($"more than {MaxBytes} bytes of writes to virtio-disk0", refused.Message, StringComparison.Ordinal);
        // The last segment, and one that is always kept for the end of an epoch.
        Assert.InRange(_disks.BufferedBytes, MaxBytes / 2, MaxBytes + (128 << 10));

        _disks.DiscardEpoch();
        _disks.Release();
        using EpochBuffer buffer = BufferFiles.Recover(_folder.Path, Guest, Disk.Alias, MaxBytes);
        Assert.Equal((2UL, 0L), (buffer.LastSealed, buffer.OpenEpochBytes));
    }

    [Fact]
    public void Records_out_of_their_order_are_refused()
    {
        Assert.Throws<ReplicationProtocolException>(() => _disks.SetDisks(new DiskList([Disk])));
        Assert.Throws<ReplicationProtocolException>(() => _disks.DropThrough(3, committed: 2));
        _disks.DropThrough(2, committed: 2);
        Assert.Throws<ReplicationProtocolException>(() => _disks.DropThrough(1, committed: 2));
        byte[] other = Record(false, (DiskWrite.Write, 0, [1]));
        other[1] = 1;
        Assert.Throws<ReplicationProtocolException>(() => _disks.Put(other));
    }

    public void Dispose()
    {
        _disks.Dispose();
        _folder.Dispose();
    }

    private static byte[] Record(bool holdsFlush, params (DiskWrite Kind, long Offset, byte[] Data)[] entries)
    {
        byte[] destination = new byte[ReplicationLimits.MaxDiskWritesBytes];
        DiskWritesWriter writer = new(destination, 0, holdsFlush);
        foreach ((DiskWrite kind, long offset, byte[] data) in entries)
        {
            writer.Add((byte)kind, offset, data.Length == 0 ? 512 : data.Length, data);
        }
        return destination[..writer.LengthBytes];
    }
}
