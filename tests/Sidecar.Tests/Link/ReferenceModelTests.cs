// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Disk.Content;
using Hikae.Sidecar.Epoch;
using Hikae.Sidecar.Link;
using Hikae.Sidecar.PageStore;
using Hikae.Sidecar.Tests.Disk;
using Hikae.Sidecar.Tests.Disk.Content;
using Xunit;

namespace Hikae.Sidecar.Tests.Link;

/// <summary>
/// A guest's memory and its disk, both changed all the time, a real server of the disk and a real session on the backup. At any checkpoint the replica, with its
/// references read from the disk as of that checkpoint, is the guest's memory of then.
/// </summary>
public sealed class ReferenceModelTests : IDisposable
{
    private const int Blocks = 64;
    private const int DiskBytes = Blocks * ContentIndex.BlockBytes;

    private readonly BackupUnderTest _backup = new(version: ReplicationVersion.WithDiskPages);
    private readonly SourceMemory _source = new();
    private readonly EpochQueue _queue = new();
    private readonly SegmentPool _pool = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly ContentIndex _content = new(1 << 20);
    private readonly ReaderWriterLockSlim _standstill = new();
    private readonly HashSet<(int Block, uint Page)> _dirty = [];
    private readonly EpochShipper _shipper;
    private readonly Task _shipping;
    private RunningDisk? _disk;
    private long _stalePages;

    public ReferenceModelTests()
    {
        _shipper = new EpochShipper(_queue, _backup.Primary, TimeSpan.FromMinutes(5), _content, refers: true);
        _shipping = Task.Factory.StartNew(() => _shipper.Run(_stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_replica_with_its_references_is_the_guests_memory_at_any_checkpoint(int seed)
    {
        DiskContent content = _content.AddDisk()!;
        _disk = new RunningDisk(imageBytes: DiskBytes, content: content);
        _content.BeginSession([null, content]);
        var random = new Random(seed);
        var clients = new BusyClients(_disk, Blocks, _standstill, seed);
        long references = 0;
        try
        {
            for (ulong epoch = 1; epoch <= 60; epoch += 2)
            {
                // Two on their way at once: the first is still being looked at while the disk changes in the second, and in the one after.
                Run(random, epoch);
                (SourceMemory memory, byte[] disk) = Run(random, epoch + 1);
                Assert.Equal(epoch, _backup.Receive().Epoch);
                Assert.Equal(epoch + 1, _backup.Receive().Epoch);
                _disk.Disk.Commit(epoch + 1);

                ReplicaStore store = _backup.Session.Store;
                store.Disks = new Snapshot(disk);
                memory.AssertEqualTo(store);
                references += store.Statistics.DiskPages;
            }
        }
        finally
        {
            await clients.DisposeAsync();
        }

        Assert.InRange(references, 100, long.MaxValue);
        Assert.InRange(_stalePages, 10, long.MaxValue);
    }

    public void Dispose()
    {
        Epochs.EndShipping(_shipping, _stop);
        _backup.Dispose();
        _shipper.Dispose();
        _queue.Dispose();
        _pool.Dispose();
        _stop.Dispose();
        _disk?.Dispose();
        _content.Dispose();
        _standstill.Dispose();
    }

    // The checkpoint thread's way through an epoch. Returns the guest's memory and disk of its end.
    private (SourceMemory Memory, byte[] Disk) Run(Random random, ulong epoch)
    {
        var id = new EpochId(epoch);
        _queue.Begin(id, _stop.Token);
        if (epoch == 1)
        {
            _content.CloseReferences([.. _source.Blocks.Select(block => block.Info)]);
            _queue.Add(new EpochPart.Hardware([.. _source.Blocks.Select(block => block.Info)], Epochs.DomainXml), _stop.Token);
            _dirty.UnionWith(SourceMemory.All.SelectMany(run => Enumerable.Range(0, (int)run.PageCount).Select(page => (run.Block, (uint)page))));
        }
        Write(random, random.Next(80));
        if (random.Next(2) == 0)
        {
            CopyWritten();
            Write(random, random.Next(30));
        }

        SourceMemory memory;
        byte[] disk;
        _standstill.EnterWriteLock();
        try
        {
            CopyWritten();
            Free(random);
            _content.Seal(epoch);
            if (epoch == 1)
            {
                _disk!.Drain();
                _disk.Disk.Hold();
            }
            else
            {
                _disk!.Disk.Seal(epoch);
            }
            Assert.False(_content.HasStale);
            memory = _source.Copy();
            disk = _disk.View(DiskBytes);
        }
        finally
        {
            _standstill.ExitWriteLock();
        }
        if (epoch == 1)
        {
            DiskInfo other = new("virtio-disk0", "/srv/0", "raw", 0);
            _queue.Add(new EpochPart.Disks(new DiskList([other, other with { Alias = "virtio-disk1", ExportBytes = DiskBytes }])), _stop.Token);
        }
        _queue.Add(new EpochPart.Devices(Epochs.Devices(epoch)), _stop.Token);
        _queue.End(id, _stop.Token);
        return (memory, disk);
    }

    private void Write(Random random, int pages)
    {
        for (int i = 0; i < pages; i++)
        {
            (int block, uint page) = (random.Next(2), (uint)random.Next((int)SourceMemory.PagesPerBlock));
            Span<byte> bytes = _source.Page(block, page);
            switch (random.Next(8))
            {
                case 0:
                    bytes.Clear();
                    break;
                case 1:
                    random.NextBytes(bytes);
                    break;
                default:
                    BusyClients.Contents[random.Next(BusyClients.Contents.Count)].CopyTo(bytes);
                    break;
            }
            _dirty.Add((block, page));
        }
    }

    private void Free(Random random)
    {
        if (random.Next(3) == 0)
        {
            var run = new PageRun(random.Next(2), (uint)random.Next(600), (uint)random.Next(1, 100));
            for (uint page = run.FirstPage; page < run.FirstPage + run.PageCount; page++)
            {
                _source.Page(run.Block, page).Clear();
            }
            _queue.Add(new EpochPart.Free([run]), _stop.Token);
        }
    }

    private void CopyWritten()
    {
        List<PageRun> stale = [];
        _content.TakeStale(stale);
        foreach (PageRun run in stale)
        {
            _stalePages += run.PageCount;
            _dirty.UnionWith(Enumerable.Range((int)run.FirstPage, (int)run.PageCount).Select(page => (run.Block, (uint)page)));
        }
        foreach ((int Block, uint Page)[] some in _dirty.Order().Chunk(CaptureSegment.MaxPages))
        {
            CaptureSegment segment = _pool.Rent(_stop.Token);
            foreach ((int block, uint page) in some)
            {
                segment.Add(new PageRun(block, page, 1));
            }
            segment.Copy(Environment.ProcessId, _source.Blocks);
            _queue.Add(new EpochPart.Pages(segment), _stop.Token);
        }
        _dirty.Clear();
    }

    /// <summary>A disk as it was.</summary>
    private sealed class Snapshot(byte[] bytes) : IDiskBlocks
    {
        public void Read(int disk, long block, Span<byte> destination)
        {
            Assert.Equal(1, disk);
            bytes.AsSpan((int)block * ContentIndex.BlockBytes, ContentIndex.BlockBytes).CopyTo(destination);
        }
    }
}
