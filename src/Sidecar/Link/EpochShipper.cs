// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Classify;
using Hikae.Sidecar.Disk.Content;
using Hikae.Sidecar.Epoch;
using Hikae.Sidecar.PageStore;

namespace Hikae.Sidecar.Link;

/// <summary>Sends epochs to the backup: takes their parts in order, classifies and encodes the pages, and frames everything as records.</summary>
/// <remarks>The only thread that writes epoch records. When there is nothing to send it sends heartbeats, so that silence means loss.</remarks>
internal sealed class EpochShipper : IDisposable
{
    private const int DeviceRecordBytes = 1024 * 1024;

    private readonly EpochQueue _queue;
    private readonly RecordConnection _connection;
    private readonly TimeSpan _heartbeat;
    private readonly ContentIndex? _content;
    private readonly bool _refers;

    // shipping thread only
    private readonly PageEncoder _encoder = new();
    private readonly DiskWritesEncoder _disks = new();
    private readonly BackupPageSet _backupPages = new();
    private readonly byte[] _pagesBuffer = GC.AllocateUninitializedArray<byte>(HardPagesWriter.MaxBytes);
    private readonly byte[] _runsBuffer = GC.AllocateUninitializedArray<byte>(SoftPages.SizeBytes(ReplicationLimits.MaxRunsPerRecord));
    private readonly List<SoftRun> _zeroRuns = [];
    private readonly DiskPagesEncoder _onDisk = new();
    private readonly DeltaPagesEncoder _deltas = new();
    private ulong _epoch;
    private EpochTotals _totals;

    // guarded by _gate
    private readonly Lock _gate = new();
    private ShippingCounters _counters;

    /// <param name="queue">What is to be sent.</param>
    /// <param name="connection">To the backup.</param>
    /// <param name="heartbeat">Longest silence.</param>
    /// <param name="content">Finds pages on the guest's disks; null: they are not looked for.</param>
    /// <param name="refers">Such pages are sent as references; else they are only counted.</param>
    public EpochShipper(EpochQueue queue, RecordConnection connection, TimeSpan heartbeat, ContentIndex? content = null, bool refers = false)
    {
        _content = content;
        _refers = refers && content is not null;
        _queue = queue;
        _connection = connection;
        _heartbeat = heartbeat;
    }

    public ShippingCounters Counters
    {
        get
        {
            lock (_gate)
            {
                return _counters;
            }
        }
    }

    /// <summary>Called on the shipping thread right before an epoch's last record is given to the connection.</summary>
    public event Action<EpochId>? Ending;

    /// <summary>Called on the shipping thread when an epoch's last record has been given to the connection.</summary>
    public event Action<EpochId>? Shipped;

    /// <summary>Ships until cancelled, or throws <see cref="PeerLostException"/>.</summary>
    public void Run(CancellationToken cancellationToken)
    {
        long heartbeatAt = Stopwatch.GetTimestamp();
        while (true)
        {
            if (_queue.TryTake(out EpochPart? part, _heartbeat, cancellationToken))
            {
                Ship(part!);
            }
            // Also between parts that come without a pause: gigabytes of zero pages are records that fit the gathering buffer, and the
            // backup would take the silence for our death.
            if (Stopwatch.GetElapsedTime(heartbeatAt) >= _heartbeat)
            {
                _connection.Send(RecordType.Heartbeat, _epoch, []);
                heartbeatAt = Stopwatch.GetTimestamp();
            }
        }
    }

    public void Dispose()
    {
        _encoder.Dispose();
        _deltas.Dispose();
    }

    private void Ship(EpochPart part)
    {
        switch (part)
        {
            case EpochPart.Begin begin:
                _epoch = begin.Epoch.Value;
                _totals = default;
                _deltas.Begin(_epoch);
                _connection.Gather(RecordType.EpochBegin, _epoch, []);
                break;
            case EpochPart.Hardware hardware:
                ShipHardware(hardware);
                break;
            case EpochPart.Pages pages:
                using (pages.Segment)
                {
                    ShipPages(pages.Segment);
                }
                break;
            case EpochPart.PagesAgain pages:
                using (pages.Segment)
                {
                    ShipAgain(pages.Segment);
                }
                break;
            case EpochPart.Free free:
                ShipFree(free.Runs);
                break;
            case EpochPart.Devices devices:
                ShipDevices(devices.State);
                break;
            case EpochPart.Disks disks:
                Gather(RecordType.DiskList, ReplicationJson.Write(disks.List));
                break;
            case EpochPart.DiskWrites writes:
                using (writes.Entries)
                {
                    _disks.Ship(writes, Gather);
                }
                break;
            case EpochPart.DiskFlushed flushed:
                _connection.Gather(RecordType.DiskFlushed, flushed.Epoch.Value, []);
                break;
            case EpochPart.Reads reads:
                ShipReads(reads.Blocks);
                break;
            case EpochPart.End end:
                Span<byte> totals = stackalloc byte[EpochTotals.Bytes];
                _totals.Write(totals);
                Ending?.Invoke(end.Epoch);
                _connection.Send(RecordType.EpochEnd, end.Epoch.Value, totals);
                Shipped?.Invoke(end.Epoch);
                break;
            case EpochPart.Yielded yielded:
                _connection.Send(RecordType.Yielded, yielded.Epoch.Value, []);
                break;
            default:
                throw new ArgumentException($"unknown part {part.GetType().Name}", nameof(part));
        }
    }

    private void ShipHardware(EpochPart.Hardware hardware)
    {
        Gather(RecordType.DomainXml, System.Text.Encoding.UTF8.GetBytes(hardware.DomainXml));
        if (_refers)
        {
            _content!.OpenReferences(hardware.Blocks);
        }
        if (_backupPages.SetBlocks(hardware.Blocks))
        {
            // Only when it changed: a device may come in the middle of an epoch, whose pages then belong to the list sent before.
            Gather(RecordType.BlockList, BlockList.Write(hardware.Blocks));
            _deltas.SetBlocks(hardware.Blocks);
        }
    }

    private void ShipPages(CaptureSegment segment)
    {
        int hard = 0;
        int zero = 0;
        int onDisk = 0;
        int delta = 0;
        int storedBytes = 0;
        int index = 0;
        int block = segment.Runs[0].Block;
        var writer = new HardPagesWriter(_pagesBuffer, block);
        foreach (PageRun run in segment.Runs)
        {
            if (run.Block != block)
            {
                GatherAll(writer, block);
                block = run.Block;
                writer = new HardPagesWriter(_pagesBuffer, block);
            }
            for (uint page = run.FirstPage; page < run.FirstPage + run.PageCount; page++)
            {
                ReadOnlySpan<byte> bytes = segment.Page(index++);
                if (_refers && _content!.TryRefer(block, page, bytes, _epoch, out int disk, out long diskBlock))
                {
                    AddOnDisk(block, page, disk, diskBlock, bytes);
                    onDisk++;
                    continue;
                }
                if (PageEncoder.IsZero(bytes))
                {
                    AddZero(block, page);
                    zero++;
                    continue;
                }
                _backupPages.SetHard(block, page);
                hard++;
                onDisk += !_refers && _content is { } content && content.TryFind(bytes, _epoch, out _) ? 1 : 0;
                if (_deltas.TryAdd(block, page, bytes))
                {
                    delta++;
                    if (_deltas.IsFull)
                    {
                        _deltas.Ship(block, Gather);
                    }
                    continue;
                }
                int stored = _encoder.Encode(bytes, writer.NextPage);
                writer.Commit(page, stored);
                storedBytes += stored;
                if (writer.IsFull)
                {
                    GatherPages(writer);
                    writer = new HardPagesWriter(_pagesBuffer, block);
                }
            }
        }
        GatherAll(writer, block);
        int soft = segment.PageCount - hard;
        _totals = _totals with { HardPages = _totals.HardPages + (ulong)hard, SoftPages = _totals.SoftPages + (ulong)soft };
        Count(new ShippingCounters(segment.PageCount, hard, zero, 0, storedBytes, onDisk, delta));
    }

    // Nothing is sent of a page that is on no disk: the backup has it, or gets it further on.
    private void ShipAgain(CaptureSegment segment)
    {
        int onDisk = 0;
        int index = 0;
        int block = segment.Runs[0].Block;
        foreach (PageRun run in segment.Runs)
        {
            if (run.Block != block)
            {
                _onDisk.Ship(block, Gather);
                block = run.Block;
            }
            for (uint page = run.FirstPage; page < run.FirstPage + run.PageCount; page++)
            {
                ReadOnlySpan<byte> bytes = segment.Page(index++);
                if (_content!.TryReferAgain(block, page, bytes, _epoch, out int disk, out long diskBlock))
                {
                    AddOnDisk(block, page, disk, diskBlock, bytes);
                    onDisk++;
                }
            }
        }
        _onDisk.Ship(block, Gather);
        _totals = _totals with { SoftPages = _totals.SoftPages + (ulong)onDisk };
        Count(new ShippingCounters(0, 0, 0, 0, 0, onDisk, 0));
    }

    private void AddOnDisk(int block, uint page, int disk, long diskBlock, ReadOnlySpan<byte> bytes)
    {
        _onDisk.Add(page, disk, diskBlock, PageCheck.Of(bytes));
        _deltas.Drop(block, page);
        _backupPages.SetHard(block, page);
    }

    private void AddZero(int block, uint page)
    {
        _backupPages.SetSoft(block, page);
        _deltas.Drop(block, page);
        if (_zeroRuns.Count > 0 && _zeroRuns[^1] is var last && last.FirstPage + last.PageCount == page)
        {
            _zeroRuns[^1] = last with { PageCount = last.PageCount + 1 };
        }
        else
        {
            _zeroRuns.Add(new SoftRun(page, 1));
        }
    }

    private void ShipFree(IReadOnlyList<PageRun> runs)
    {
        var kept = new List<SoftRun>();
        long pages = 0;
        int block = -1;
        foreach (PageRun run in runs)
        {
            if (run.Block != block)
            {
                GatherRuns(block, SoftClass.Free, kept);
                block = run.Block;
            }
            int before = kept.Count;
            pages += _backupPages.TakeHard(run, kept);
            for (int i = before; i < kept.Count; i++)
            {
                _deltas.Drop(block, kept[i].FirstPage, kept[i].PageCount);
                if (_refers)
                {
                    _content!.Unrefer(block, kept[i].FirstPage, kept[i].PageCount);
                }
            }
        }
        GatherRuns(block, SoftClass.Free, kept);
        _totals = _totals with { SoftPages = _totals.SoftPages + (ulong)pages };
        Count(new ShippingCounters(0, 0, 0, pages, 0, 0, 0));
    }

    private void ShipDevices(byte[] state)
    {
        for (int at = 0; at < state.Length; at += DeviceRecordBytes)
        {
            Gather(RecordType.DeviceState, state.AsSpan(at, Math.Min(DeviceRecordBytes, state.Length - at)));
        }
        _totals = _totals with { DeviceStateBytes = (ulong)state.Length };
    }

    private void ShipReads(IReadOnlyList<ChunkReads> blocks)
    {
        foreach (ChunkReads block in blocks)
        {
            for (int first = 0; first < block.Heat.Length; first += ReplicationLimits.MaxChunksPerRecord)
            {
                int count = Math.Min(block.Heat.Length - first, ReplicationLimits.MaxChunksPerRecord);
                int length = ReadHeat.Write(_runsBuffer, block.Block, first, block.Heat.AsSpan(first, count));
                _connection.Gather(RecordType.ReadHeat, _epoch, _runsBuffer.AsSpan(0, length), isOptional: true);
            }
        }
    }

    /// <summary>Everything that was said of pages of this RAM block and is not sent yet. No page stands in two of these records: a segment has it once.</summary>
    private void GatherAll(HardPagesWriter writer, int block)
    {
        GatherPages(writer);
        GatherRuns(block, SoftClass.Zero, _zeroRuns);
        _onDisk.Ship(block, Gather);
        _deltas.Ship(block, Gather);
    }

    private void GatherPages(HardPagesWriter writer)
    {
        if (writer.PageCount > 0)
        {
            Gather(RecordType.HardPages, _pagesBuffer.AsSpan(0, writer.LengthBytes));
        }
    }

    private void GatherRuns(int block, SoftClass softClass, List<SoftRun> runs)
    {
        Span<SoftRun> rest = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(runs);
        while (!rest.IsEmpty)
        {
            Span<SoftRun> now = rest[..Math.Min(rest.Length, ReplicationLimits.MaxRunsPerRecord)];
            int length = SoftPages.Write(_runsBuffer, block, softClass, now);
            Gather(RecordType.SoftPages, _runsBuffer.AsSpan(0, length));
            rest = rest[now.Length..];
        }
        runs.Clear();
    }

    private void Gather(RecordType type, ReadOnlySpan<byte> payload)
    {
        _connection.Gather(type, _epoch, payload);
        _totals = _totals with { Records = _totals.Records + 1 };
    }

    private void Count(ShippingCounters more)
    {
        lock (_gate)
        {
            _counters = new ShippingCounters(
                _counters.DirtyPages + more.DirtyPages,
                _counters.HardPages + more.HardPages,
                _counters.ZeroPages + more.ZeroPages,
                _counters.FreePages + more.FreePages,
                _counters.StoredBytes + more.StoredBytes,
                _counters.OnDiskPages + more.OnDiskPages,
                _counters.DeltaPages + more.DeltaPages);
        }
    }
}
