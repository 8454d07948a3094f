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
/// A guest's memory and its disk, both changed all the time, a real server of the disk that looks through it, too, and a real session on the backup. At any checkpoint the replica, with its
/// references read from the disk as of that checkpoint, is the guest's memory of then.
/// </summary>
public sealed class ReferenceModelTests : IDisposable
{
    private const int Blocks = 64;
    private const int DiskBytes = Blocks * ContentIndex.BlockBytes;

    // Of each RAM block, so few that no content is in more pages than may refer to one block.
    private const int WrittenPages = 300;

    private readonly BackupUnderTest _backup = new();
    private readonly SourceMemory _source = new();
    private readonly EpochQueue _queue = new();
    private readonly SegmentPool _pool = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _scan = new();
    private readonly ContentIndex _content = new(1 << 20);
    private readonly ReaderWriterLockSlim _standstill = new();
    private readonly HashSet<(int Block, uint Page)> _dirty = [];
    private readonly EpochShipper _shipper;
    private readonly Task _shipping;
    private RunningDisk? _disk;
    private long _stalePages;
    private long _pagesAgain;

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
        Task scanning = Task.Factory.StartNew(Scan, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        long references = 0;
        ulong epoch = 1;
        try
        {
            for (; epoch <= 60; epoch += 2)
            {
                references += RunTwo(random, epoch).References;
            }
        }
        finally
        {
            await clients.DisposeAsync();
            await _scan.CancelAsync();
            await scanning;
        }

        Assert.InRange(references, 100, long.MaxValue);
        Assert.InRange(_shipper.Counters.DeltaPages, 10, long.MaxValue);
        Assert.InRange(_stalePages, 10, long.MaxValue);
        Assert.InRange(_pagesAgain, 10, long.MaxValue);

        // When nothing changes any more, all that is on the disk becomes a reference, whatever came first.
        RunTwo(null, epoch);
        AssertAllFound(RunTwo(null, epoch + 2).Memory, epoch + 3);
    }

    public void Dispose()
    {
        Epochs.EndShipping(_shipping, _stop);
        _backup.Dispose();
        _shipper.Dispose();
        _queue.Dispose();
        _pool.Dispose();
        _stop.Dispose();
        _scan.Dispose();
        _disk?.Dispose();
        _content.Dispose();
        _standstill.Dispose();
    }

    private void Scan()
    {
        byte[] buffer = new byte[7 * ContentIndex.BlockBytes];
        while (!_scan.IsCancellationRequested)
        {
            Assert.NotEqual(0, _disk!.Disk.Scan(buffer).Passed);
        }
    }

    private (SourceMemory Memory, long References) RunTwo(Random? random, ulong epoch)
    {
        // Two on their way at once: the first is still being looked at while the disk changes in the second, and in the one after.
        Run(random, epoch);
        (SourceMemory memory, byte[] disk) = Run(random, epoch + 1);
        Assert.Equal(epoch, _backup.Receive().Epoch);
        Assert.Equal(epoch + 1, _backup.Receive().Epoch);
        _disk!.Disk.Commit(epoch + 1);

        ReplicaStore store = _backup.Session.Store;
        store.Disks = new Snapshot(disk);
        memory.AssertEqualTo(store);
        return (memory, store.Statistics.DiskPages);
    }

    private void AssertAllFound(SourceMemory memory, ulong epoch)
    {
        for (int block = 0; block < 2; block++)
        {
            for (uint page = 0; page < SourceMemory.PagesPerBlock; page++)
            {
                if (_content.TryFind(memory.Page(block, page), epoch, out _))
                {
                    Assert.Equal(PageKind.OnDisk, _backup.Session.Store.Get(block, page));
                }
            }
        }
    }

    // The checkpoint thread's way through an epoch, with a guest that writes or, without a generator, does not. Returns the guest's memory and disk of its end.
    private (SourceMemory Memory, byte[] Disk) Run(Random? random, ulong epoch)
    {
        var id = new EpochId(epoch);
        _queue.Begin(id, _stop.Token);
        if (epoch == 1)
        {
            _content.CloseReferences([.. _source.Blocks.Select(block => block.Info)]);
            _queue.Add(new EpochPart.Hardware([.. _source.Blocks.Select(block => block.Info)], Epochs.DomainXml), _stop.Token);
            _dirty.UnionWith(SourceMemory.All.SelectMany(run => Enumerable.Range(0, (int)run.PageCount).Select(page => (run.Block, (uint)page))));
        }
        Write(random, 80);
        if (random?.Next(2) == 0)
        {
            CopyWritten();
            Write(random, 30);
        }
        CopyAgain(random is null ? int.MaxValue : 20);
        Write(random, 10);

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

    private void Write(Random? random, int mostPages)
    {
        for (int pages = random?.Next(mostPages) ?? 0; pages > 0; pages--)
        {
            (int block, uint page) = (random!.Next(2), (uint)random.Next(WrittenPages));
            Span<byte> bytes = _source.Page(block, page);
            switch (random.Next(8))
            {
                case 0:
                    bytes.Clear();
                    break;
                case 1:
                    random.NextBytes(bytes);
                    break;
                case 2 or 3:
                    bytes[random.Next(bytes.Length)]++;
                    break;
                default:
                    BusyClients.Contents[random.Next(BusyClients.Contents.Count)].CopyTo(bytes);
                    break;
            }
            _dirty.Add((block, page));
        }
    }

    private void Free(Random? random)
    {
        if (random?.Next(3) == 0)
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
        Copy(_dirty.Order(), segment => new EpochPart.Pages(segment));
        _dirty.Clear();
    }

    private void CopyAgain(int most)
    {
        List<PageRun> again = [];
        _content.TakeWanted(again, most);
        _pagesAgain += again.Sum(run => run.PageCount);
        Copy(
            again.SelectMany(run => Enumerable.Range((int)run.FirstPage, (int)run.PageCount).Select(page => (run.Block, (uint)page))),
            segment => new EpochPart.PagesAgain(segment));
    }

    private void Copy(IEnumerable<(int Block, uint Page)> pages, Func<CaptureSegment, EpochPart> part)
    {
        foreach ((int Block, uint Page)[] some in pages.Chunk(CaptureSegment.MaxPages))
        {
            CaptureSegment segment = _pool.Rent(_stop.Token);
            foreach ((int block, uint page) in some)
            {
                segment.Add(new PageRun(block, page, 1));
            }
            segment.Copy(Environment.ProcessId, _source.Blocks);
            _queue.Add(part(segment), _stop.Token);
        }
    }

    /// <summary>A disk as it was.</summary>
    private sealed class Snapshot(byte[] bytes) : IDiskBlocks
    {
        public bool TryRead(int disk, long block, int attempt, Span<byte> destination)
        {
            Assert.Equal(1, disk);
            bytes.AsSpan((int)block * ContentIndex.BlockBytes, ContentIndex.BlockBytes).CopyTo(destination);
            return attempt == 0;
        }
    }
}
