// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Epoch;
using Hikae.Sidecar.Link;
using Xunit;

namespace Hikae.Sidecar.Tests.Link;

/// <summary>Capture's queue, the shipper, a real connection and a real session on the backup; only QEMU is missing.</summary>
public sealed class EpochReplicationTests : IDisposable
{
    private readonly BackupUnderTest _backup = new();
    private readonly SourceMemory _source = new();
    private readonly Random _random = new(17);
    private readonly EpochQueue _queue = new();
    private readonly SegmentPool _pool = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly EpochShipper _shipper;
    private readonly Task _shipping;

    public EpochReplicationTests()
    {
        _shipper = new EpochShipper(_queue, _backup.Primary, TimeSpan.FromMinutes(5));
        _shipping = Task.Factory.StartNew(() => _shipper.Run(_stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    [Fact]
    public void After_each_of_many_epochs_the_replica_equals_the_source()
    {
        _source.WriteSome(_random);
        Ship(1, SourceMemory.All);
        _source.AssertEqualTo(_backup.Session.Store);

        for (ulong epoch = 2; epoch <= 12; epoch++)
        {
            Ship(epoch, _source.WriteSome(_random));

            _source.AssertEqualTo(_backup.Session.Store);
            Assert.Equal(Epochs.Devices(epoch), _backup.Session.Store.DeviceState.ToArray());
        }
        Assert.Equal(Epochs.DomainXml, _backup.Session.DomainXml);
        Assert.Equal(12UL, _backup.Session.Figures.Epoch);
        ShippingCounters counters = _shipper.Counters;
        Assert.Equal(counters.DirtyPages, counters.HardPages + counters.ZeroPages);
    }

    [Fact]
    public void Pages_that_the_guest_freed_are_dropped_and_come_back_when_written()
    {
        _source.WriteSome(_random);
        Ship(1, SourceMemory.All);

        _queue.Begin(new EpochId(2), _stop.Token);
        _queue.Add(new EpochPart.Free([new PageRun(0, 10, 500), new PageRun(1, 0, 3)]), _stop.Token);
        Ship(2, []);
        for (uint page = 10; page < 510; page++)
        {
            _source.Page(0, page).Clear();
        }
        for (uint page = 0; page < 3; page++)
        {
            _source.Page(1, page).Clear();
        }
        _source.AssertEqualTo(_backup.Session.Store);

        _source.Page(0, 20)[7] = 1;
        Ship(3, [new PageRun(0, 20, 1)]);
        _source.AssertEqualTo(_backup.Session.Store);
    }

    [Fact]
    public void A_device_that_comes_in_the_middle_of_an_epoch_changes_the_domain_XML_of_that_epoch()
    {
        Ship(1, SourceMemory.All);

        IReadOnlyList<PageRun> runs = _source.WriteSome(_random);
        _queue.Begin(new EpochId(2), _stop.Token);
        CaptureSegment segment = _pool.Rent(_stop.Token);
        segment.Add(runs[0]);
        segment.Copy(Environment.ProcessId, _source.Blocks);
        _queue.Add(new EpochPart.Pages(segment), _stop.Token);
        _queue.Add(new EpochPart.Hardware([.. _source.Blocks.Select(block => block.Info)], "<domain type='qemu' id='2'/>"), _stop.Token);
        Ship(2, runs.Skip(1));

        _source.AssertEqualTo(_backup.Session.Store);
        Assert.Equal("<domain type='qemu' id='2'/>", _backup.Session.DomainXml);
    }

    [Fact]
    public void A_session_that_ends_in_the_middle_gives_every_segment_back()
    {
        Epochs.Put(_queue, _pool, _source, 1, SourceMemory.All, _stop.Token);
        _backup.Session.CloseLink();
        _backup.Primary.Dispose();
        Assert.ThrowsAny<Exception>(() => _shipping.GetAwaiter().GetResult());
        _queue.Dispose();

        for (int i = 0; i < 16; i++)
        {
            _pool.Rent(new CancellationToken(canceled: false));
        }

        Assert.Equal(0, _pool.Waits);
    }

    public void Dispose()
    {
        Epochs.EndShipping(_shipping, _stop);
        _backup.Dispose();
        _shipper.Dispose();
        _queue.Dispose();
        _pool.Dispose();
        _stop.Dispose();
    }

    private void Ship(ulong epoch, IEnumerable<PageRun> runs)
    {
        Epochs.Put(_queue, _pool, _source, epoch, runs, _stop.Token);
        (RecordType type, ulong acknowledged, byte[] payload) = _backup.Receive();
        Assert.Equal((RecordType.Ack, epoch, 8), (type, acknowledged, payload.Length));
    }
}
