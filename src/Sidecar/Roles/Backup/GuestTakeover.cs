// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Native.Libvirt;
using Hikae.Protocol.Control;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Disk;
using Hikae.Sidecar.Disk.Backup;
using Hikae.Sidecar.Disk.Primary;
using Hikae.Sidecar.Recovery;
using Hikae.Sidecar.Recovery.Interrupted;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar;

/// <summary>What the backup does with a guest that it has won: runs it from the replica, and writes its images once their former owner can do so no more.</summary>
/// <remarks>
/// The guest runs at once; what it writes meanwhile waits in its disks' buffers, and so do its flushes. When the images hold everything, the disks are left to the
/// sidecar that protects the guest from here on, and only then does the guest get its annotation back, which is what that sidecar is started for.
/// For one takeover: a right to write images counts for the one it was granted for. Main thread of <see cref="BackupSidecar"/>.
/// </remarks>
internal sealed class GuestTakeover : IDisposable
{
    private readonly SidecarOptions _options;
    private readonly GuestOwnership _ownership;
    private readonly GuestStarter _starter;
    private readonly DaemonClient _daemon;
    private readonly StatusBoard _status;
    private readonly ILogger _logger;
    private readonly RecoveredDisks _disks;

    // A libvirtd that was restarted, or storage that hangs: the guest's disks are served meanwhile.
    private static readonly TimeSpan SettleRetry = TimeSpan.FromSeconds(1);

    // An arbiter that is away need not keep the guest's flushes waiting.
    private static readonly TimeSpan ReadPatience = TimeSpan.FromSeconds(10);

    // main thread only
    private long _mayWriteAt;

    // main thread writes, daemon thread reads
    private volatile string? _fencing;

    public GuestTakeover(SidecarOptions options, GuestOwnership ownership, GuestStarter starter, DaemonClient daemon, StatusBoard status, ILogger logger)
    {
        _options = options;
        _ownership = ownership;
        _starter = starter;
        _daemon = daemon;
        _status = status;
        _logger = logger;
        _disks = new RecoveredDisks(options, logger);
        ImageRight = new ImageRight(TimeProvider.System, logger);
        ImageRight.MayWrite.ContinueWith(_ => _disks.AllowImageWrites(), TaskScheduler.Default);
        daemon.FenceAnswered += OnFenceAnswered;
    }

    /// <summary>When the images may be written.</summary>
    public ImageRight ImageRight { get; }

    /// <summary>The guest runs; its memory may still be on its way. Must not wait.</summary>
    public Action Runs { get; init; } = static () => { };

    /// <summary>What the guest let out here can no longer be taken back.</summary>
    public bool GuestHasRun { get; private set; }

    /// <summary>The guest is won. The disks wait until their former owner is off, or its lease is over.</summary>
    public void FenceOrWait(string owner)
    {
        _mayWriteAt = TakeoverNote.In(ImageRight.GrantAfter(_ownership.FormerLease));
        Fence(owner);
    }

    private void Fence(string owner)
    {
        if (_options.Configuration.Fence.Command is not null)
        {
            _fencing = owner;
            _daemon.Fence(owner);
        }
    }

    /// <summary>Runs the guest from the session's replica, and returns when it is an ordinary guest of this host. False: it does not run here.</summary>
    public bool Run(BackupSession session, string why)
    {
        long started = Stopwatch.GetTimestamp();
        _logger.FailoverBegins(why);
        _status.Set(GuestState.Recovering, why);
        IReadOnlyList<DiskInfo> disks = session.Disks.Release();
        var note = new TakeoverNote(session.Hello.Host, session.DomainXml!, ImageRight.MayWrite.IsCompleted ? 0 : _mayWriteAt, HasRun: false);
        try
        {
            File.Delete(GuestDisks.StateFile(_options.RunDirectory, _options.Guest));
            Write(note);
            var referenced = disks.Select(_ => new ReferencedBlocks()).ToArray();
            session.Store.VisitReferences((disk, block) => referenced[disk].Add(block));
            session.Store.Disks = _disks;
            void PutInPlace(Domain domain) => _disks.PutInPlace(domain, disks, referenced);
            void Wait(string? trouble) => _status.Set(GuestState.Recovering, trouble ?? why);
            _starter.Recover(session.DomainXml!, session.Store, session.Hello.Host, PutInPlace, Wait, running =>
            {
                GuestHasRun = true;
                _disks.PassThrough();
                Runs();
                Write(note with { HasRun = true });
                _logger.FailoverDone(session.Store.CommittedEpoch, Math.Round(running.TotalMilliseconds, 1));
                _status.Set(GuestState.Recovered, "the guest runs here; its memory is being filled in");
            });
            _disks.ForgetCheckpoint();
            Finish(note);
            return true;
        }
        catch (Exception error)
        {
            _logger.FailoverFailed(error.Message);
            string reason = $"recovery failed after {Stopwatch.GetElapsedTime(started).TotalMilliseconds:0} ms: {error.Message}";
            GuestHasRun |= _starter.GuestMayHaveRun;
            if (GuestHasRun)
            {
                // libvirt may not have been there to end it.
                Retry(() => InterruptedRecovery.Destroy(_options.LibvirtUri, _options.Uuid));
                InterruptedRecovery.Define(_options.LibvirtUri, note, _logger);
                AfterEnd(reason);
            }
            else
            {
                _disks.Forget(disks);
                TakeoverNote.Delete(_options);
            }
            _status.Set(GuestState.Failed, reason);
            return false;
        }
    }

    /// <summary>Goes on with a takeover in which another process was killed: its disks first, as the guest waits for them. </summary>
    public void GoOn(TakeoverNote note)
    {
        GuestHasRun = true;
        if (IsHere() && !_disks.TryServeAgain())
        {
            // It was as good as over: the guest's own sidecar serves them.
            TakeoverNote.Delete(_options);
            return;
        }
        _logger.TakeoverGoesOn(note.FormerOwner);
        _status.Update(status => status with { Guest = IncomingDomainXml.Parse(note.DomainXml).Name, Peer = note.FormerOwner });
        // Nobody can have claimed it from here; the record can have been removed by hand.
        PatientClaims.Make(() => _ownership.Refresh(), ReadPatience, _logger);
        if (_ownership.Current is { Ended: false } record && record.Owner != _ownership.Host)
        {
            _logger.Fenced($"the ownership record says that the guest belongs to {record.Owner}");
            Retry(() => InterruptedRecovery.Destroy(_options.LibvirtUri, _options.Uuid));
            AfterEnd();
            return;
        }
        ImageRight.GrantIn(note.UntilMayWrite());
        Fence(note.FormerOwner);
        Retry(() => InterruptedRecovery.GoOn(_options.LibvirtUri, note, _logger));
        if (!IsHere())
        {
            InterruptedRecovery.Define(_options.LibvirtUri, note, _logger);
        }
        Finish(note);
    }

    public void Dispose()
    {
        _daemon.FenceAnswered -= OnFenceAnswered;
        ImageRight.Dispose();
        _disks.Dispose();
    }

    private void OnFenceAnswered(Result answer)
    {
        if (_fencing is not { } host)
        {
            return;
        }
        if (answer.Ok)
        {
            ImageRight.Grant($"{host} is fenced");
        }
        else
        {
            _logger.FenceFailed(host, answer.Message);
        }
    }

    /// <summary>The guest runs here: until its own sidecar serves its disks, or it has ended.</summary>
    private void Finish(TakeoverNote note)
    {
        if (!IsHere())
        {
            AfterEnd();
            return;
        }
        if (_disks.IsServing)
        {
            _status.Set(GuestState.Recovered, $"the guest runs here; its disk writes wait until {note.FormerOwner} can write no more");
            _disks.Drain();
        }
        _status.Set(GuestState.Recovered, "the guest runs here");
        Retry(() => _starter.Settle(note.DomainXml, note.FormerOwner, _ownership.Current?.Generation ?? 0, _disks.Dispose));
        if (IsHere())
        {
            // The mark stays: the guest's own sidecar puts its name there.
            TakeoverNote.Delete(_options);
        }
        else
        {
            AfterEnd();
        }
    }

    /// <summary>Tries until it succeeds or the guest has ended, with the guest's disks served meanwhile.</summary>
    private void Retry(Action step)
    {
        string? told = null;
        while (IsHere())
        {
            try
            {
                step();
                return;
            }
            catch (Exception error)
            {
                if (error.Message != told)
                {
                    _logger.NotSettled(error.Message);
                    told = error.Message;
                }
            }
            if (!_disks.IsServing && !_disks.TryServeAgain())
            {
                // What looked like a failure was none: the guest's own sidecar is there.
                return;
            }
            Thread.Sleep(SettleRetry);
        }
    }

    /// <summary>The guest has ended here: its last writes are brought into the images, and any host may start it.</summary>
    private void AfterEnd(string why = "the guest has ended; what it wrote is in its images")
    {
        if (IsHere())
        {
            return;
        }
        _disks.Dispose();
        using SidecarLock? single = SidecarLock.Take(_options.RunFile("lock"));
        if (single is null)
        {
            // Another sidecar of the guest sees to it.
            return;
        }
        _status.Set(GuestState.Recovered, "the guest has ended; what it wrote last goes to its images");
        DrainMark.Set(_options);
        LeftoverDisks.Settle(_options, _ownership, _logger);
        _status.Set(GuestState.Failed, why);
    }

    private bool IsHere() => QemuProcess.IsAnyOf(_options.Uuid);

    /// <summary>A guest is worth more than what helps only if this process is killed, too.</summary>
    private void Write(TakeoverNote note)
    {
        try
        {
            note.Write(_options);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            _logger.Unexpected(error.Message, error);
        }
    }
}
