// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.PageStore;
using Xunit;

namespace Hikae.Sidecar.Tests.Link;

/// <summary>References of a primary that does not mean well, or does not know better.</summary>
public sealed class HostileReferenceTests
{
    private const int BlocksOfDisk = 256;

    private static readonly DiskList OneDisk = new([new DiskInfo("virtio-disk0", "/srv/0", "raw", (BlocksOfDisk * 4096L) + 512)]);

    [Fact]
    public void A_reference_to_the_last_whole_block_of_a_disk_is_kept()
    {
        using BackupUnderTest backup = Begin();
        Put(backup, 0, new DiskRun(3, 2, BlocksOfDisk - 2));
        backup.Primary.Send(RecordType.DiskList, 1, ReplicationJson.Write(OneDisk));
        End(backup, new EpochTotals(5, 0, 2, 1));

        Assert.Equal(RecordType.Ack, backup.Receive().Type);
        Assert.Equal(PageKind.OnDisk, backup.Session.Store.Get(0, 4));
        Assert.Equal(2, backup.Session.Store.Statistics.DiskPages);
        Assert.Equal(2, backup.Session.Figures.DiskPages);
    }

    [Theory]
    [InlineData(0, BlocksOfDisk - 1, true)]
    [InlineData(0, BlocksOfDisk, true)]
    [InlineData(1, 0, true)]
    [InlineData(0, 0, false)]
    public void A_reference_to_a_block_that_no_disk_has_ends_the_link(int disk, long block, bool hasDisk)
    {
        using BackupUnderTest backup = Begin();
        Put(backup, disk, new DiskRun(3, 2, block));
        if (hasDisk)
        {
            backup.Primary.Send(RecordType.DiskList, 1, ReplicationJson.Write(OneDisk));
        }
        End(backup, new EpochTotals(hasDisk ? 5u : 4u, 0, 2, 1));

        Assert.Contains("a page that equals block", Assert.Throws<PeerLostException>(backup.Join).Message, StringComparison.Ordinal);
        Assert.False(backup.Session.HasCheckpoint);
    }

    [Theory]
    [InlineData(15u, 2u)]
    [InlineData(16u, 1u)]
    public void A_reference_of_a_page_that_the_guest_does_not_have_ends_the_link(uint page, uint count)
    {
        using BackupUnderTest backup = Begin();
        Put(backup, 0, new DiskRun(page, count, 0));

        Assert.Contains("has 16 pages", Assert.Throws<PeerLostException>(backup.Join).Message, StringComparison.Ordinal);
    }

    private static BackupUnderTest Begin()
    {
        var backup = new BackupUnderTest();
        backup.Primary.Send(RecordType.EpochBegin, 1, []);
        backup.Primary.Send(RecordType.DomainXml, 1, "<domain/>"u8);
        backup.Primary.Send(RecordType.BlockList, 1, BlockList.Write([new RamBlockInfo("ram", 16 * 4096, 4096)]));
        return backup;
    }

    private static void Put(BackupUnderTest backup, int disk, DiskRun run)
    {
        byte[] payload = new byte[DiskPages.SizeBytes(1, (int)run.PageCount)];
        DiskPages.Write(payload, 0, disk, [run], new ulong[run.PageCount]);
        backup.Primary.Send(RecordType.DiskPages, 1, payload);
    }

    private static void End(BackupUnderTest backup, EpochTotals totals)
    {
        byte[] bytes = new byte[EpochTotals.Bytes];
        totals.Write(bytes);
        backup.Primary.Send(RecordType.DeviceState, 1, "d"u8);
        backup.Primary.Send(RecordType.EpochEnd, 1, bytes);
    }
}
