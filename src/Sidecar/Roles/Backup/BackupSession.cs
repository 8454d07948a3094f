// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Text;
using Hikae.Protocol.Annotation;
using Hikae.Protocol.Control;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Disk.Backup;
using Hikae.Sidecar.Link;
using Hikae.Sidecar.PageStore;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar;

/// <summary>One replication session on the backup: takes epochs into the replica and acknowledges each that is whole.</summary>
/// <remarks>
/// One thread receives, another sends heartbeats. The replica belongs to the session: a primary that connects anew begins with an
/// empty one. Invariants: an epoch is acknowledged after it was committed, and committed only when all its records were counted. Memory and disks belong to
/// one epoch: when one of them cannot be committed after the other was, there is no checkpoint any more.
/// </remarks>
internal sealed class BackupSession : IDisposable
{
    private readonly BackupLink _link;
    private readonly Func<string, DryStartResult> _dryStart;
    private readonly ILogger _logger;
    private readonly HeartbeatThread _heartbeat;

    // A peer may name any patience above zero; at this pace heartbeats cost nothing.
    private static readonly TimeSpan ShortestHeartbeat = TimeSpan.FromMilliseconds(10);

    // While the first checkpoint arrives, its growth is looked at each so many records: some MiB.
    private const ulong RecordsPerFigures = 64;
    private const long BytesPerQuestion = 16L << 20;

    private readonly SilenceWatch _silence;
    private volatile ReplicaFigures _figures = ReplicaFigures.None;

    // receiving thread writes
    private volatile bool _isTorn;

    // receiving thread only
    private bool _inEpoch;
    private ulong _openEpoch;
    private EpochTotals _counted;
    private readonly ReferencedEnds _references = new();
    private string? _stagedXml;
    private long _roomAskedAt;

    /// <param name="link">The welcomed link; disposed with this session.</param>
    /// <param name="detectAfter">The host's own patience.</param>
    /// <param name="dryStart">Tries whether this host could run the guest of a domain XML.</param>
    /// <param name="disks">Takes the guest's disk writes; disposed with this session.</param>
    /// <param name="logger">The sidecar's log.</param>
    public BackupSession(BackupLink link, TimeSpan detectAfter, Func<string, DryStartResult> dryStart, ReplicaDisks disks, ILogger logger)
    {
        _link = link;
        Disks = disks;
        _dryStart = dryStart;
        _logger = logger;
        TimeSpan interval = TimeSpan.FromMilliseconds(Math.Min(detectAfter.TotalMilliseconds, link.Hello.DetectMs)) / 5;
        interval = interval > ShortestHeartbeat ? interval : ShortestHeartbeat;
        _silence = new SilenceWatch(detectAfter / 2);
        _heartbeat = new HeartbeatThread(interval, OnBeat);
    }

    /// <summary>Why there is no room for a guest without a whole checkpoint here; null: there is. Asked on the receiving thread, before the first copy and while it grows.</summary>
    public Func<string?> NoRoom { get; init; } = static () => null;

    /// <summary>The replica: one whole checkpoint, and the epoch being received.</summary>
    public ReplicaStore Store { get; } = new();

    /// <summary>Whether the guest could go on from here. Any thread.</summary>
    public bool HasCheckpoint => Store.HasCheckpoint && !_isTorn;

    /// <summary>The guest's disk writes that are not yet known to be in the images, of the committed checkpoint and of the epoch being received.</summary>
    public ReplicaDisks Disks { get; }

    /// <summary>The domain XML of the committed checkpoint, or the one offered before the first.</summary>
    public string? DomainXml { get; private set; }

    /// <summary>Of the annotation in that XML. Any thread.</summary>
    public int Priority { get; private set; } = ProtectAnnotation.DefaultPriority;

    public Hello Hello => _link.Hello;

    /// <summary>Of the protocol, that both sides speak.</summary>
    public int Version => _link.Version;

    /// <summary>What the primary said when it ended by intent; null otherwise.</summary>
    public string? ByeReason { get; private set; }

    /// <summary>Set when the primary stopped the guest for good here: this host shall take it.</summary>
    public bool Yielded { get; private set; }

    /// <summary>The replica in numbers. Any thread.</summary>
    public ReplicaFigures Figures => _figures;

    /// <summary>
    /// The primary was silent for half the time after which it is given up (true), or spoke again (false). Only while a whole
    /// checkpoint is held, and never outside of <see cref="Run"/>: nobody listens then, which is no silence. On a timer's or the receiving thread.
    /// </summary>
    public event Action<bool> Silent
    {
        add => _silence.Changed += value;
        remove => _silence.Changed -= value;
    }

    /// <summary>Called on the receiving thread after each commit.</summary>
    public event Action? Committed;

    /// <summary>Called on the receiving thread: the primary says that this generation of the ownership record names this host.</summary>
    public event Action<long>? Claimed;

    /// <summary>Whether <paramref name="link"/> is this session's. Any thread.</summary>
    public bool Serves(BackupLink link) => _link == link;

    /// <summary>Asks the primary for the guest. Any thread.</summary>
    public void AskYield() => _link.Connection.Send(RecordType.Yield, 0, []);

    /// <summary>Tells the primary why this host cannot be its backup, and closes the link. Any thread.</summary>
    public void Refuse(string reason, string code = Protocol.Replication.Refuse.Configuration)
    {
        Tell(RecordType.Refuse, ReplicationJson.Write(new Refuse(code, reason)));
        CloseLink();
    }

    /// <summary>Tells the primary how the planned failover ended. Any thread.</summary>
    public void Report(Recovered recovered) => Tell(RecordType.Recovered, ReplicationJson.Write(recovered));

    /// <summary>
    /// Receives until the primary said goodbye (<see cref="ByeReason"/>) or yielded (<see cref="Yielded"/>); throws
    /// <see cref="PeerLostException"/> when the link is lost. The replica then still holds its last whole checkpoint.
    /// </summary>
    public void Run()
    {
        try
        {
            while (ByeReason is null && !Yielded)
            {
                RecordHeader header = _link.Connection.Receive(out ReadOnlySpan<byte> payload);
                _silence.Heard();
                Handle(header, payload);
            }
        }
        catch (Exception error) when (error is not PeerLostException)
        {
            // Also when this host is at fault (memory, say): the checkpoint that it holds is as good as if the link had been cut.
            throw new PeerLostException($"The primary sent what is no epoch: {error.Message}", error);
        }
        finally
        {
            _silence.Stop();
            if (_isTorn)
            {
                _figures = ReplicaFigures.None;
            }
            else if (_inEpoch)
            {
                _logger.TornEpoch(_openEpoch, Store.CommittedEpoch);
                Store.DiscardEpoch();
                Disks.DiscardEpoch();
                _inEpoch = false;
            }
        }
    }

    /// <summary>Closes the link; a running <see cref="Run"/> throws. Any thread.</summary>
    public void CloseLink() => _link.Dispose();

    public void Dispose()
    {
        _heartbeat.Dispose();
        _link.Dispose();
        Store.Dispose();
        Disks.Dispose();
    }

    private void Tell(RecordType type, byte[] payload)
    {
        try
        {
            _link.Connection.Send(type, 0, payload);
        }
        catch (PeerLostException)
        {
            // The primary then goes by the ownership record, which says the same.
        }
    }

    private void OnBeat()
    {
        if (_figures.CommittedAt != 0)
        {
            _silence.Look();
        }
        SendHeartbeat();
    }

    private void SendHeartbeat()
    {
        try
        {
            // Whoever else sends right now is a sign of life as well; waiting for it would delay the next one.
            _link.Connection.TrySend(RecordType.Heartbeat, 0, [], TimeSpan.Zero);
        }
        catch (PeerLostException)
        {
            // The receiving thread finds out by itself.
        }
    }

    private void Handle(RecordHeader header, ReadOnlySpan<byte> payload)
    {
        switch (header.Type)
        {
            case RecordType.Heartbeat:
                return;
            case RecordType.DomainXml when !_inEpoch && !Store.HasCheckpoint && DomainXml is null:
                OnOffer(payload);
                return;
            case RecordType.DiskFlushed:
                Disks.DropThrough(header.Epoch, Store.CommittedEpoch);
                return;
            case RecordType.Claimed when Store.HasCheckpoint && NumberPayload.TryRead(payload, out long generation):
                Claimed?.Invoke(generation);
                return;
            case RecordType.ReadHeat:
                PageRecords.SetReads(Store, payload);
                return;
            case RecordType.EpochBegin:
                BeginEpoch(header.Epoch);
                return;
            case RecordType.EpochEnd:
                RequireOpen(header);
                EndEpoch(header.Epoch, EpochTotals.Read(payload));
                return;
            case RecordType.Bye:
                ByeReason = ReplicationJson.Read<Bye>(payload).Reason;
                return;
            case RecordType.Yielded when !_inEpoch && Store.HasCheckpoint && header.Epoch == Store.CommittedEpoch:
                Yielded = true;
                return;
            case RecordType.DomainXml or RecordType.BlockList or RecordType.HardPages or RecordType.SoftPages or RecordType.DeviceState
                or RecordType.DiskList or RecordType.DiskWrites or RecordType.DiskPages or RecordType.DeltaPages when _inEpoch:
                RequireOpen(header);
                _counted = _counted with { Records = _counted.Records + 1 };
                HandleInEpoch(header.Type, payload);
                if (_counted.Records % RecordsPerFigures == 0)
                {
                    _figures = _figures with { Parts = ReplicaFigures.PartsOf(Store.Statistics, Disks.BufferedBytes) };
                    if (_figures.ReplicaBytes > _roomAskedAt + BytesPerQuestion)
                    {
                        RequireRoom();
                    }
                }
                return;
            default:
                if (!header.IsOptional)
                {
                    throw new ReplicationProtocolException($"a {header.Type} record out of place");
                }
                return;
        }
    }

    private void OnOffer(ReadOnlySpan<byte> payload)
    {
        RequireRoom();
        DomainXml = Encoding.UTF8.GetString(payload);
        DryStartResult result = DryStart(DomainXml);
        _logger.DryStarted(result.Ok ? $"this host could run the guest, {(result.LazyMemory ? "with" : "without")} lazy memory" : result.Reason ?? "no reason");
        _link.Connection.Send(RecordType.DryStartResult, 0, ReplicationJson.Write(result));
    }

    private void RequireRoom()
    {
        _roomAskedAt = _figures.ReplicaBytes;
        if (!Store.HasCheckpoint && NoRoom() is string reason)
        {
            Refuse(reason, Protocol.Replication.Refuse.Full);
            throw new PeerLostException(reason);
        }
    }

    private DryStartResult DryStart(string domainXml)
    {
        try
        {
            return _dryStart(domainXml);
        }
        catch (Exception error)
        {
            // The XML is the peer's, libvirt and QEMU are what they are: a try that fails in a way of its own is still only a no.
            return new DryStartResult(false, error.Message, false);
        }
    }

    private void RequireOpen(RecordHeader header)
    {
        if (!_inEpoch || header.Epoch != _openEpoch)
        {
            throw new ReplicationProtocolException($"a {header.Type} record of epoch {header.Epoch}, which is not open");
        }
    }

    private void BeginEpoch(ulong epoch)
    {
        if (_inEpoch || epoch <= Store.CommittedEpoch)
        {
            throw new ReplicationProtocolException($"epoch {epoch} begins out of place, after epoch {Store.CommittedEpoch}");
        }
        Store.BeginEpoch(epoch);
        _openEpoch = epoch;
        _inEpoch = true;
        _counted = default;
        _references.Clear();
        _stagedXml = null;
    }

    private void HandleInEpoch(RecordType type, ReadOnlySpan<byte> payload)
    {
        switch (type)
        {
            case RecordType.DomainXml:
                _stagedXml = Encoding.UTF8.GetString(payload);
                break;
            case RecordType.BlockList:
                Store.SetBlocks(BlockList.Read(payload));
                break;
            case RecordType.HardPages:
                _counted = _counted with { HardPages = _counted.HardPages + PageRecords.PutHard(Store, payload) };
                break;
            case RecordType.SoftPages:
                _counted = _counted with { SoftPages = _counted.SoftPages + PageRecords.PutSoft(Store, payload) };
                break;
            case RecordType.DeltaPages:
                _counted = _counted with { HardPages = _counted.HardPages + PageRecords.PutDelta(Store, payload) };
                break;
            case RecordType.DiskPages:
                _counted = _counted with { SoftPages = _counted.SoftPages + PageRecords.PutOnDisk(Store, _references, payload) };
                break;
            case RecordType.DeviceState:
                if (_counted.DeviceStateBytes + (ulong)payload.Length > ReplicationLimits.MaxDeviceStateBytes)
                {
                    throw new ReplicationProtocolException($"more than {ReplicationLimits.MaxDeviceStateBytes} bytes of device state");
                }
                Store.AppendDeviceState(payload);
                _counted = _counted with { DeviceStateBytes = _counted.DeviceStateBytes + (ulong)payload.Length };
                break;
            case RecordType.DiskList:
                Disks.SetDisks(ReplicationJson.Read<DiskList>(payload));
                break;
            case RecordType.DiskWrites:
                Disks.Put(payload);
                break;
            default:
                throw new ReplicationProtocolException($"a {type} record in protocol version {_link.Version}");
        }
    }

    private void EndEpoch(ulong epoch, EpochTotals totals)
    {
        if (totals != _counted || _counted.DeviceStateBytes == 0)
        {
            throw new ReplicationProtocolException($"epoch {epoch} is torn: sent were {totals}, received {_counted}");
        }
        if (_stagedXml is null && DomainXml is null)
        {
            throw new ReplicationProtocolException($"epoch {epoch} belongs to a guest without domain XML");
        }
        Store.RequireWholeEpoch();
        RequireRoom();
        _references.Check(Disks.Disks);
        try
        {
            Disks.Commit(epoch);
            Store.CommitEpoch();
        }
        catch (Exception error)
        {
            // One of them may have it already, and neither can go back.
            _isTorn = true;
            throw new PeerLostException($"the replica is discarded, as epoch {epoch} could not be committed with all its parts: {error.Message}", error);
        }
        _inEpoch = false;
        if (_stagedXml is not null)
        {
            DomainXml = _stagedXml;
            Priority = ProtectAnnotation.PriorityOf(_stagedXml);
        }
        ReplicaStatistics statistics = Store.Statistics;
        _figures = ReplicaFigures.Of(epoch, Store.Blocks, statistics, Disks.BufferedBytes);
        _link.Connection.Send(RecordType.Ack, epoch, NumberPayload.Write(statistics.ResidentBytes));
        Committed?.Invoke();
    }
}
