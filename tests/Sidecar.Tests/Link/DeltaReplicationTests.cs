// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Epoch;
using Hikae.Sidecar.Link;
using Xunit;

namespace Hikae.Sidecar.Tests.Link;

/// <summary>A guest that writes a few bytes of the same pages again and again, over a real connection to a real session on the backup.</summary>
public sealed class DeltaReplicationTests : IDisposable
{
    // Of each block. Both together are what may be kept of a guest of this size.
    private const uint HotPages = 40;

    private readonly SourceMemory _source = new();
    private readonly Random _random = new(17);
    private readonly SegmentPool _pool = new();
    private Session _session;

    public DeltaReplicationTests() => _session = new Session(_pool, _source);

    [Fact]
    public void After_each_of_many_epochs_the_replica_equals_the_source()
    {
        _source.WriteSome(_random);
        _session.Ship(1, SourceMemory.All);

        for (ulong epoch = 2; epoch <= 80; epoch++)
        {
            IReadOnlyList<PageRun> runs = _source.WriteSparsely(_random, HotPages);
            switch (_random.Next(8))
            {
                case 0:
                    // Sent again in the same epoch, as it is then.
                    _session.ShipBefore(epoch, runs);
                    _source.WriteSparsely(_random, HotPages);
                    _session.Ship(epoch, runs);
                    break;
                case 1:
                    _session.ShipBefore(epoch, runs);
                    _session.Ship(epoch, _source.WriteSome(_random));
                    break;
                case 2:
                    _session.ShipBefore(epoch, runs);
                    Free(epoch, new PageRun(_random.Next(2), (uint)_random.Next((int)HotPages), 5));
                    _session.Ship(epoch, []);
                    break;
                case 3:
                    _source.Page(0, (uint)_random.Next((int)HotPages)).Clear();
                    _session.Ship(epoch, runs);
                    break;
                default:
                    _session.Ship(epoch, runs);
                    break;
            }

            _source.AssertEqualTo(_session.Backup.Session.Store);
        }
        ShippingCounters counters = _session.Shipper.Counters;
        Assert.Equal(counters.DirtyPages, counters.HardPages + counters.ZeroPages);
        Assert.InRange(counters.DeltaPages, 80 * HotPages, counters.HardPages);
    }

    [Fact]
    public void A_new_session_begins_with_whole_pages()
    {
        _session.Ship(1, SourceMemory.All);
        for (ulong epoch = 2; epoch < 6; epoch++)
        {
            _session.Ship(epoch, _source.WriteSparsely(_random, HotPages));
        }
        Assert.InRange(_session.Shipper.Counters.DeltaPages, 1, long.MaxValue);

        _session.Dispose();
        _session = new Session(_pool, _source);
        _source.WriteSparsely(_random, HotPages);
        _session.Ship(1, SourceMemory.All);

        _source.AssertEqualTo(_session.Backup.Session.Store);
        Assert.Equal(0, _session.Shipper.Counters.DeltaPages);
        _session.Ship(2, _source.WriteSparsely(_random, HotPages));
        _session.Ship(3, _source.WriteSparsely(_random, HotPages));
        _source.AssertEqualTo(_session.Backup.Session.Store);
        Assert.InRange(_session.Shipper.Counters.DeltaPages, 1, long.MaxValue);
    }

    [Fact]
    public void Other_blocks_in_the_middle_of_an_epoch_begin_with_whole_pages()
    {
        _session.Ship(1, SourceMemory.All);
        for (ulong epoch = 2; epoch < 5; epoch++)
        {
            _session.Ship(epoch, _source.WriteSparsely(_random, HotPages));
        }
        long before = _session.Shipper.Counters.DeltaPages;

        // The backup forgets what the epoch said so far, so a version of it is none to begin with.
        _session.ShipBefore(5, _source.WriteSparsely(_random, HotPages));
        RamBlockInfo[] swapped = [_source.Blocks[1].Info, _source.Blocks[0].Info];
        _session.Add(5, new EpochPart.Hardware(swapped, Epochs.DomainXml));
        _session.Add(5, new EpochPart.Hardware([.. _source.Blocks.Select(block => block.Info)], Epochs.DomainXml));
        _session.Ship(5, SourceMemory.All);

        _source.AssertEqualTo(_session.Backup.Session.Store);
        Assert.InRange(_session.Shipper.Counters.DeltaPages - before, 1, 2 * HotPages);
    }

    public void Dispose()
    {
        _session.Dispose();
        _pool.Dispose();
    }

    private void Free(ulong epoch, PageRun run)
    {
        _session.Add(epoch, new EpochPart.Free([run]));
        for (uint page = run.FirstPage; page < run.FirstPage + run.PageCount; page++)
        {
            _source.Page(run.Block, page).Clear();
        }
    }

    private sealed class Session : IDisposable
    {
        private readonly SegmentPool _pool;
        private readonly SourceMemory _source;
        private readonly EpochQueue _queue = new();
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _shipping;

        public Session(SegmentPool pool, SourceMemory source)
        {
            (_pool, _source) = (pool, source);
            Shipper = new EpochShipper(_queue, Backup.Primary, TimeSpan.FromMinutes(5));
            _shipping = Task.Factory.StartNew(() => Shipper.Run(_stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }

        public BackupUnderTest Backup { get; } = new();

        public EpochShipper Shipper { get; }

        public void Ship(ulong epoch, IEnumerable<PageRun> runs)
        {
            Epochs.Put(_queue, _pool, _source, epoch, runs, _stop.Token);
            (RecordType type, ulong acknowledged, _) = Backup.Receive();
            Assert.Equal((RecordType.Ack, epoch), (type, acknowledged));
        }

        /// <summary>Pages that are copied while the guest still runs.</summary>
        public void ShipBefore(ulong epoch, IEnumerable<PageRun> runs)
        {
            CaptureSegment segment = _pool.Rent(_stop.Token);
            foreach (PageRun run in runs)
            {
                segment.Add(run);
            }
            segment.Copy(Environment.ProcessId, _source.Blocks);
            Add(epoch, new EpochPart.Pages(segment));
        }

        public void Add(ulong epoch, EpochPart part)
        {
            _queue.Begin(new EpochId(epoch), _stop.Token);
            _queue.Add(part, _stop.Token);
        }

        public void Dispose()
        {
            Epochs.EndShipping(_shipping, _stop);
            Backup.Dispose();
            Shipper.Dispose();
            _queue.Dispose();
            _stop.Dispose();
        }
    }
}
