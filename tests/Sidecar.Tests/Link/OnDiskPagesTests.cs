// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Disk.Content;
using Hikae.Sidecar.Link;
using Xunit;
using DiskWrite = Hikae.Sidecar.Disk.Buffer.DiskWrite;

namespace Hikae.Sidecar.Tests.Link;

/// <summary>Pages of a source that equal blocks of a disk, on their way to a real session on the backup.</summary>
public sealed class OnDiskPagesTests : IDisposable
{
    private readonly BackupUnderTest _backup = new();
    private readonly SourceMemory _source = new();
    private readonly Random _random = new(23);
    private readonly EpochQueue _queue = new();
    private readonly SegmentPool _pool = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly ContentIndex _content = new(1 << 20);
    private readonly DiskContent _disk;
    private readonly EpochShipper _shipper;
    private readonly Task _shipping;

    public OnDiskPagesTests()
    {
        _disk = _content.AddDisk()!;
        _disk.Begin();
        _content.BeginSession([]);
        _shipper = new EpochShipper(_queue, _backup.Primary, TimeSpan.FromMinutes(5), _content);
        _shipping = Task.Factory.StartNew(() => _shipper.Run(_stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    [Fact]
    public void They_are_counted_where_the_block_had_that_content_before_the_epoch_was_sealed()
    {
        _source.WriteSome(_random);
        for (uint page = 0; page < 20; page++)
        {
            _random.NextBytes(_source.Page(0, page));
            WriteBlock(page, _source.Page(0, page));
        }
        _source.Page(1, 7).Clear();
        WriteBlock(100, _source.Page(1, 7));
        _content.Seal(1);
        Ship(1, SourceMemory.All);
        Assert.Equal(20, _shipper.Counters.OnDiskPages);

        // Overwritten in the next epoch, and one that only the epoch after that may be proven by.
        WriteBlock(3, new byte[4096]);
        _random.NextBytes(_source.Page(0, 40));
        _content.Seal(2);
        WriteBlock(40, _source.Page(0, 40));
        Ship(2, [new PageRun(0, 0, 20), new PageRun(0, 40, 1)]);
        Assert.Equal(20 + 19, _shipper.Counters.OnDiskPages);

        _content.Seal(3);
        Ship(3, [new PageRun(0, 40, 1)]);
        Assert.Equal(20 + 19 + 1, _shipper.Counters.OnDiskPages);
        _source.AssertEqualTo(_backup.Session.Store);
    }

    public void Dispose()
    {
        Epochs.EndShipping(_shipping, _stop);
        _backup.Dispose();
        _shipper.Dispose();
        _queue.Dispose();
        _pool.Dispose();
        _stop.Dispose();
        _content.Dispose();
    }

    private void WriteBlock(long block, ReadOnlySpan<byte> data)
    {
        PendingChange change = _disk.BeginChange(DiskWrite.Write, block * ContentIndex.BlockBytes, data.Length);
        _disk.EndChange(change, DiskWrite.Write, block * ContentIndex.BlockBytes, data.Length, data);
    }

    private void Ship(ulong epoch, IEnumerable<PageRun> runs)
    {
        Epochs.Put(_queue, _pool, _source, epoch, runs, _stop.Token);
        Assert.Equal(epoch, _backup.Receive().Epoch);
    }
}
