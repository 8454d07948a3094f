// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text;
using Hikae.Protocol.Replication;
using Xunit;

namespace Hikae.Protocol.Tests.Replication;

public sealed class DiskRecordTests
{
    private static readonly DiskInfo Disk = new("virtio-disk0", "/srv/shared/web.qcow2", "qcow2", 1 << 30);

    [Fact]
    public void Writes_come_back_in_order()
    {
        byte[] payload = Write(3, true, (1, 4096, [1, 2, 3]), (3, 0, []), (1, 4097, [9]));

        DiskWritesReader reader = new(payload);
        Assert.Equal(3, reader.Disk);
        Assert.True(reader.HoldsFlush);
        Assert.True(reader.TryRead(out byte kind, out long offset, out long length, out ReadOnlySpan<byte> data));
        Assert.Equal(((byte)1, 4096L, 3L), (kind, offset, length));
        Assert.Equal([1, 2, 3], data.ToArray());
        Assert.True(reader.TryRead(out kind, out offset, out length, out data));
        Assert.Equal(((byte)3, 0L, 512L, 0), (kind, offset, length, data.Length));
        Assert.True(reader.TryRead(out kind, out _, out _, out data));
        Assert.Equal([9], data.ToArray());
        Assert.False(reader.TryRead(out _, out _, out _, out _));
    }

    [Fact]
    public void A_record_can_say_only_that_the_guest_flushed()
    {
        DiskWritesReader reader = new(Write(0, true));

        Assert.True(reader.HoldsFlush);
        Assert.False(reader.TryRead(out _, out _, out _, out _));
    }

    [Fact]
    public void The_fullest_record_fits_its_limit()
    {
        byte[] destination = new byte[ReplicationLimits.MaxDiskWritesBytes];
        DiskWritesWriter writer = new(destination, 0, false);
        writer.Add(1, 0, writer.Room, new byte[writer.Room]);

        Assert.Equal(ReplicationLimits.MaxPayloadBytesOf(RecordType.DiskWrites), writer.LengthBytes);
        DiskWritesReader reader = new(destination);
        Assert.True(reader.TryRead(out _, out _, out long length, out _));
        Assert.Equal(writer.LengthBytes - 28, length);
    }

    [Fact]
    public void Whatever_the_bytes_are_reading_ends_in_entries_or_in_a_protocol_error()
    {
        Random random = new(7);
        byte[] whole = Write(1, false, (1, 0, new byte[100]), (2, 5, []));
        for (int round = 0; round < 20_000; round++)
        {
            byte[] payload = round % 2 == 0 ? [.. whole] : new byte[random.Next(200)];
            for (int flips = random.Next(1, 5); flips > 0 && payload.Length > 0; flips--)
            {
                payload[random.Next(payload.Length)] = (byte)random.Next(256);
            }
            ReadAll(payload[..random.Next(payload.Length + 1)]);
        }
    }

    [Theory]
    [InlineData("../x")]
    [InlineData("a/b")]
    [InlineData("")]
    [InlineData(".hidden")]
    public void An_alias_that_could_lead_out_of_a_folder_is_refused(string alias) => AssertRefused(Disk with { Alias = alias });

    [Theory]
    [InlineData("relative.img")]
    [InlineData("")]
    [InlineData("/a\0b")]
    public void An_image_is_an_absolute_path(string path) => AssertRefused(Disk with { Image = path });

    [Fact]
    public void Formats_sizes_and_numbers_have_limits()
    {
        AssertRefused(Disk with { Format = "vmdk" });
        AssertRefused(Disk with { ExportBytes = -1 });
        AssertRefused(Disk, Disk);
        AssertRefused([.. Enumerable.Range(0, ReplicationLimits.MaxDisks + 1).Select(i => Disk with { Alias = $"d{i}" })]);
    }

    [Fact]
    public void A_list_of_disks_comes_back()
    {
        DiskList list = ReplicationJson.Read<DiskList>(ReplicationJson.Write(new DiskList([Disk, Disk with { Alias = "scsi0-0-0-1" }])));

        Assert.Equal([Disk, Disk with { Alias = "scsi0-0-0-1" }], list.Disks);
    }

    private static void AssertRefused(params DiskInfo[] disks)
    {
        byte[] payload = ReplicationJson.Write(new DiskList(disks));

        Assert.Throws<ReplicationProtocolException>(() => ReplicationJson.Read<DiskList>(payload));
    }

    private static void ReadAll(byte[] payload)
    {
        try
        {
            DiskWritesReader reader = new(payload);
            while (reader.TryRead(out _, out long offset, out long length, out ReadOnlySpan<byte> data))
            {
                Assert.True(offset >= 0 && length > 0 && (data.Length == 0 || data.Length == length), Encoding.ASCII.GetString(payload));
            }
        }
        catch (ReplicationProtocolException)
        {
            // As it should be.
        }
    }

    private static byte[] Write(int disk, bool holdsFlush, params (byte Kind, long Offset, byte[] Data)[] entries)
    {
        byte[] destination = new byte[ReplicationLimits.MaxDiskWritesBytes];
        DiskWritesWriter writer = new(destination, disk, holdsFlush);
        foreach ((byte kind, long offset, byte[] data) in entries)
        {
            writer.Add(kind, offset, data.Length == 0 ? 512 : data.Length, data);
        }
        return destination[..writer.LengthBytes];
    }
}
