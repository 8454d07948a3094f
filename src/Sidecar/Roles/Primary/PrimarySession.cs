// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Protocol.Annotation;
using Hikae.Protocol.Configuration;
using Hikae.Protocol.Control;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Disk.Primary;
using Hikae.Sidecar.Epoch;
using Hikae.Sidecar.Link;
using Hikae.Sidecar.Output;
using Hikae.Sidecar.Recovery;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar;

/// <summary>One replication session on the primary: from the connection to the backup until either side ends it.</summary>
/// <remarks>
/// Three threads: this one receives what the backup says, "shipping" sends, "checkpoint" pauses the guest. The first to fail ends all.
/// The checkpoint thread starts when the backup has proven that it could run the guest. Whatever ends the session, the guest runs on,
/// except after a planned failover.
/// </remarks>
internal sealed class PrimarySession : IDisposable
{
    // A pause above this is worth a line in the log; a guest's clients notice it.
    private const double LongPauseMs = 100;

    private static readonly TimeSpan ByePatience = TimeSpan.FromSeconds(1);

    // A backup that was given the guest and neither runs it nor goes away: then the arbiter decides, as for a lost link.
    private static readonly TimeSpan YieldPatience = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan ImagePatience = TimeSpan.FromSeconds(10);

    // A peer may name any patience above zero; at this pace heartbeats cost nothing.
    private static readonly TimeSpan ShortestHeartbeat = TimeSpan.FromMilliseconds(10);

    private readonly PrimaryGuest _guest;
    private readonly ProtectAnnotation _annotation;
    private readonly GuestOwnership _ownership;
    private readonly PrimaryDisks _primaryDisks;
    private readonly StatusBoard _status;
    private readonly ILogger _logger;
    private readonly PrimaryLink _link;
    private readonly EpochQueue _queue = new();
    private readonly SegmentPool _pool = new();
    private readonly EpochShipper _shipper;
    private readonly CheckpointPace _pace;
    private readonly PauseStatistics _pauses = new();
    private readonly ManualResetEventSlim _firstCommit = new();
    private readonly long _started = Stopwatch.GetTimestamp();
    private MemoryParticipant? _memory;
    private HardwareParticipant? _hardware;
    private OutputParticipant? _outputs;
    private DiskParticipant? _disks;
    private CheckpointLoop? _loop;
    private SessionThreads? _threads;
    private bool _dryStarted;
    private int _yieldAsked;
    private long _committedAt;
    private ulong _committedEpoch;
    private long _backupBytes;
    private long _commits;
    private ulong _coveredBy;

    /// <summary>Connects. Throws as <see cref="PrimaryLink.Connect"/>.</summary>
    public PrimarySession(PrimaryGuest guest, ProtectAnnotation annotation, GuestOwnership ownership, PrimaryDisks disks, StatusBoard status, ILogger logger, CancellationToken stop)
    {
        _guest = guest;
        _annotation = annotation;
        _ownership = ownership;
        _primaryDisks = disks;
        _status = status;
        _logger = logger;
        HikaeConfiguration configuration = guest.Options.Configuration;
        var hello = new Hello(
            ReplicationVersion.Current,
            ReplicationVersion.Oldest,
            guest.Options.Guest,
            guest.Name,
            configuration.HostName,
            ownership.Current?.Generation ?? 0,
            (int)configuration.Link.DetectAfter.TotalMilliseconds);
        _link = PrimaryLink.Connect(annotation.Backup, configuration.Link, hello, stop);
        logger.Linked(_link.Welcome.Host, _link.Welcome.Version);

        // A fifth of the shortest patience: four heartbeats may be late.
        TimeSpan patience = TimeSpan.FromMilliseconds(Math.Min(_link.Welcome.DetectMs, hello.DetectMs));
        _shipper = new EpochShipper(_queue, _link.Connection, patience / 5 > ShortestHeartbeat ? patience / 5 : ShortestHeartbeat, guest.Disks.Content, Refers);
        _pace = new CheckpointPace(TimeProvider.System, configuration.Checkpoint, annotation, guest.FirstWrite);
    }

    /// <summary>The guest stands still for the backup, which was asked to take it: that its claim is read before its word comes is no loss. Any thread.</summary>
    public bool HasYielded => Volatile.Read(ref _yieldAsked) != 0;

    /// <summary>A device or memory came or went. Any thread.</summary>
    public void NoteHardwareChange()
    {
        _hardware?.NoteChange();
        if (_outputs is { } outputs)
        {
            // A new interface may be one: its packets must not leave for long without waiting.
            outputs.NoteChange();
            _pace.Ask();
        }
    }

    /// <summary>Tells the backup that protection ends by intent, so that it drops its replica. Any thread.</summary>
    public void SayBye(string reason)
    {
        try
        {
            _link.Connection.TrySend(RecordType.Bye, 0, ReplicationJson.Write(new Bye(reason)), ByePatience);
        }
        catch (PeerLostException)
        {
            // Then the backup asks the arbiter, which knows better.
        }
    }

    /// <summary>Runs until something ends the session; always throws what did.</summary>
    public void Run(CancellationToken stop)
    {
        using var threads = new SessionThreads(_link.Connection.Dispose, stop);
        _threads = threads;
        try
        {
            threads.RunHere(Begin);
            threads.Join();
        }
        finally
        {
            _status.Update(Describe);
            _status.MeasureWith(null);
            _guest.Standstills.Ended -= _pauses.Account;
            _loop?.AbortAll();
            _outputs?.End();
        }
    }

    public void Dispose()
    {
        _link.Dispose();
        _loop?.Dispose();
        _queue.Dispose();
        _pool.Dispose();
        _shipper.Dispose();
        _pace.Dispose();
        _firstCommit.Dispose();
    }

    /// <summary>Whatever fails in here ends the session's other threads before their queue and link are disposed.</summary>
    private void Begin(CancellationToken cancellationToken)
    {
        _threads!.Start("shipping", _shipper.Run);
        string xml = HardwareParticipant.ReadXml(_guest.Connection.Domain);
        GuestRequirements.CheckBackup(xml, _annotation.Outputs, _link.Welcome);
        _link.Connection.Send(RecordType.DomainXml, 0, System.Text.Encoding.UTF8.GetBytes(xml));
        _status.Set(GuestState.Synchronising, "the backup tries whether it could run the guest");
        _guest.Standstills.Ended += _pauses.Account;
        _status.MeasureWith(Measure);
        Receive(cancellationToken);
    }

    private void Receive(CancellationToken cancellationToken)
    {
        while (true)
        {
            RecordHeader header = _link.Connection.Receive(out ReadOnlySpan<byte> payload);
            cancellationToken.ThrowIfCancellationRequested();
            switch (header.Type)
            {
                case RecordType.Heartbeat:
                    break;
                case RecordType.Ack:
                    if (NumberPayload.TryRead(payload, out long backupBytes))
                    {
                        Volatile.Write(ref _backupBytes, backupBytes);
                    }
                    (_loop ?? throw new PeerLostException("The backup acknowledged an epoch before there was one.")).Acknowledge(new EpochId(header.Epoch));
                    break;
                case RecordType.DryStartResult:
                    OnDryStart(ReplicationJson.Read<DryStartResult>(payload));
                    break;
                case RecordType.Yield:
                    Volatile.Write(ref _yieldAsked, 1);
                    _pace.Ask();
                    break;
                case RecordType.Recovered:
                    throw new GuestMovedException(ReplicationJson.Read<Recovered>(payload));
                case RecordType.Refuse:
                    Refuse refusal = ReplicationJson.Read<Refuse>(payload);
                    throw new NotProtectableException(refusal.Code is Refuse.Full ? refusal.Reason : $"{_annotation.Backup}: {refusal.Reason}");
                default:
                    if (!header.IsOptional)
                    {
                        throw new PeerLostException($"The backup sent a {header.Type} record, which this host does not expect.");
                    }
                    break;
            }
        }
    }

    private void OnDryStart(DryStartResult result)
    {
        if (!result.Ok)
        {
            throw new NotProtectableException($"{_link.Welcome.Host} could not run the guest: {result.Reason}");
        }
        if (!_dryStarted)
        {
            _dryStarted = true;
            _threads!.Start("checkpoint", cancellationToken => _guest.WhileItLives(Checkpoints, cancellationToken));
        }
    }

    private void Checkpoints(CancellationToken cancellationToken)
    {
        _guest.IoThreads.Require();
        if (AreHeld)
        {
            _primaryDisks.Interpose();
        }
        _status.Set(GuestState.Synchronising, "the first checkpoint is on its way");
        using DirtyTracker tracker = DirtyTracker.Attach(_guest.Process.Pid);
        using var deviceState = new DeviceStateCapture(_guest.Monitor, _guest.Process.Pid, _guest.IoThreads);
        var standstill = new DeviceStandstill(new GuestPause(_guest.Connection, _guest.Monitor, _guest.Process, _guest.IoThreads, _guest.Marker, _logger), deviceState);
        _memory = new MemoryParticipant(_guest.Process.Pid, tracker, standstill, _pool, _queue, _guest.Agent, Refers ? _guest.Disks.Content : null);
        using HardwareParticipant hardware = _hardware = new(_guest.Connection, _guest.Monitor, _guest.Process.Pid, deviceState, _memory, _queue, AreHeld);
        var devices = new DeviceParticipant(deviceState, _queue);
        var scan = Refers ? _primaryDisks.Scan() : null;
        _disks = new DiskParticipant(_primaryDisks.Disks.Interposed, _queue, _guest.Disks.Content, scan, AreHeld ? () => _primaryDisks.Check(_firstCommit.IsSet) : () => { });
        _primaryDisks.Disks.CheckpointWanted += _pace.Ask;
        try
        {
            IEpochParticipant[] outputs = HoldOutputs(_disks) is { } held ? [held] : [];
            var lease = new LeaseParticipant(_guest.Lease, TimeSpan.FromMilliseconds(_link.Welcome.DetectMs));
            _shipper.Ending += lease.Ending;
            _loop = new CheckpointLoop(standstill, _queue, [_hardware, _memory, devices, _disks, lease, .. outputs, new ReadsParticipant(_guest.Agent, _queue)], _pauses);
            _loop.Committed += OnCommitted;
            _loop.Sealing += _pace.Answer;
            while (Volatile.Read(ref _yieldAsked) == 0)
            {
                _pace.Wait(cancellationToken);
                switch (_loop.TryCheckpoint(cancellationToken))
                {
                    case CheckpointOutcome.Sealed:
                        // A guest's flush waits for the first commit, and stopping the guest flushes: it would stand still for as long.
                        _firstCommit.Wait(cancellationToken);
                        AfterCheckpoint();
                        PrimaryClaims.CheckProtected(_ownership, _status);
                        break;
                    case CheckpointOutcome.GuestPaused:
                        _pace.Answer();
                        if (GuestStandstill.Describe(_guest.Connection.Domain.GetState()) is { } why)
                        {
                            _status.Set(GuestState.Paused, why);
                        }
                        break;
                    default:
                        // The next round begins at the pace's next beat.
                        break;
                }
            }
            Yield(_loop, cancellationToken);
        }
        finally
        {
            _primaryDisks.Disks.CheckpointWanted -= _pace.Ask;
            _disks.End();
            deviceState.Detach();
        }
    }

    private OutputParticipant? HoldOutputs(DiskParticipant disks)
    {
        if (!AreHeld)
        {
            return null;
        }
        _outputs = new OutputParticipant(_guest.Output, _pace.Ask, disks.WhenDurable);
        _outputs.Plugged += OnPlugged;
        return _outputs;
    }

    private void OnPlugged(EpochId epoch, IReadOnlyList<GuestInterface> added)
    {
        Volatile.Write(ref _coveredBy, epoch.Value);
        if (_committedEpoch > 0)
        {
            string names = string.Join(", ", added.Select(nic => nic.Name));
            _status.Set(GuestState.Synchronising, $"interface {names} was plugged in; what the guest said through it is not covered until the next checkpoint is committed");
        }
    }

    private void AfterCheckpoint()
    {
        PauseTimings pause = _pauses.Last;
        _pace.Observe(_memory!.LastEpochPages, TimeSpan.FromMilliseconds(pause.TotalMs));
        if (pause.CommandMs > LongPauseMs)
        {
            _logger.LongPause(pause.Epoch, Math.Round(pause.CommandMs, 1));
        }
        if (_status.Current.State is GuestState.Paused && _committedEpoch > 0)
        {
            _status.Set(GuestState.Protected, OutputsReason);
        }
    }

    private void Yield(CheckpointLoop loop, CancellationToken cancellationToken)
    {
        _status.Set(GuestState.Ending, $"the guest moves to {_link.Welcome.Host}, as an administrator asked");
        EpochId last = loop.Next;
        CheckpointOutcome outcome;
        do
        {
            outcome = loop.TryFinalCheckpoint(cancellationToken);
        }
        while (outcome is CheckpointOutcome.Deferred);
        if (outcome is CheckpointOutcome.GuestPaused)
        {
            // A user's pause moves with the guest only when it is lifted first: the state after the move would be "running".
            throw new NotProtectableException("the guest was paused by a user and was not moved");
        }
        // The backup writes the images from the moment it has the guest, beginning with what it holds of ours.
        _primaryDisks.Images.Close();
        if (!_primaryDisks.Disks.WaitImagesIdle(ImagePatience))
        {
            throw new NotProtectableException("a write to an image is still under way, so the guest was not moved");
        }
        _primaryDisks.Disks.FlushImages();
        _queue.Add(new EpochPart.Yielded(last), cancellationToken);
        if (!cancellationToken.WaitHandle.WaitOne(YieldPatience))
        {
            throw new PeerLostException($"{_link.Welcome.Host} was given the guest, but did not say within {YieldPatience.TotalSeconds:0} s that it runs there.");
        }
    }

    private void OnCommitted(EpochId epoch)
    {
        Volatile.Write(ref _committedAt, Stopwatch.GetTimestamp());
        ulong before = _committedEpoch;
        Volatile.Write(ref _committedEpoch, epoch.Value);
        Interlocked.Increment(ref _commits);
        _firstCommit.Set();
        if (before == 0)
        {
            _logger.FirstCommit(epoch, Math.Round(Stopwatch.GetElapsedTime(_started).TotalMilliseconds));
            PrimaryClaims.Protect(_ownership, _guest.Marker, _guest.Process.Pid, _link.Welcome.Host);
            _link.Connection.Send(RecordType.Claimed, 0, NumberPayload.Write(_ownership.Current!.Generation));
            _status.Set(GuestState.Protected, OutputsReason);
        }
        else if (epoch.Value == Volatile.Read(ref _coveredBy))
        {
            _status.Set(GuestState.Protected, OutputsReason);
        }
    }

    private bool AreHeld => _annotation.HoldsOutputs;

    // Where disk writes do not wait for their epoch, a block is not what the backup reads after a failover.
    private bool Refers => AreHeld && _guest.Options.Configuration.Soft.OnDisk is OnDiskPages.Yes;

    private string? OutputsReason => !AreHeld
        ? "outputs are not held: packets and disk writes leave before their checkpoint is committed (an experiment)"
        : null;

    /// <summary>What is true beyond the session: packets that are held are held until somebody lets them go.</summary>
    private GuestStatus Describe(GuestStatus status) => status with
    {
        GuestBytes = _hardware?.GuestBytes ?? 0,
        Peer = _link.Welcome.Host,
        Outputs = _guest.Output.Hold ?? status.Outputs,
    };

    private GuestStatus Measure(GuestStatus status)
    {
        ShippingCounters counters = _shipper.Counters;
        ulong epoch = Volatile.Read(ref _committedEpoch);
        (long left, long total) = _memory?.FirstCopy ?? default;
        string? reason = status.State is GuestState.Synchronising && left > 0
            ? $"the first checkpoint is on its way, {100 - (100 * left / Math.Max(1, total))} % copied"
            : status.Reason;
        return _pauses.AddTo(Describe(status)) with
        {
            Reason = reason,
            Epoch = epoch,
            CommittedAgeMs = epoch == 0 ? null : Math.Round(Stopwatch.GetElapsedTime(Volatile.Read(ref _committedAt)).TotalMilliseconds),
            BackupBytes = Volatile.Read(ref _backupBytes),
            DirtyBytesPerEpoch = (_memory?.LastEpochPages ?? 0) * ReplicationLimits.PageBytes,
            Replicated = new ReplicatedTotals(
                Interlocked.Read(ref _commits), counters.DirtyPages * ReplicationLimits.PageBytes, _link.Connection.BytesSent, counters.DeltaPages * ReplicationLimits.PageBytes),
            SoftPages = new SoftPageCounts(counters.ZeroPages, counters.FreePages, _guest.Agent.CachePagesReported, counters.OnDiskPages, _guest.Agent.ReadPages),
            DiskScan = _disks?.Scan,
            Packets = _outputs is null ? null : _guest.Output.Counters.ToStatus(),
        };
    }
}
