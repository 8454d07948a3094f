// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Libvirt;
using Hikae.Protocol.Annotation;
using Hikae.Protocol.Control;
using Hikae.Protocol.Ownership;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Disk.Graph;
using Hikae.Sidecar.Disk.Primary;
using Hikae.Sidecar.Recovery;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar;

/// <summary>A sidecar on the host that runs the guest: keeps it protected for as long as it runs and its annotation asks for it.</summary>
/// <remarks>
/// Theory of operation. One replication session after the other. When a session ends for any reason but ours, this host first claims in
/// the arbiter that nobody may take the guest, and only then goes on; when the backup was faster, the guest is destroyed here. Every
/// intended end (guest stopped, annotation removed, sidecar told to stop) makes its claim before the backup is told goodbye, so that a
/// goodbye that gets lost cannot turn into a failover.
/// </remarks>
internal sealed class PrimarySidecar : IDiskIncidents, IDisposable
{
    private static readonly TimeSpan RetryAfterLoss = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RetryAfterRefusal = TimeSpan.FromSeconds(10);

    // set once
    private readonly PrimaryGuest _guest;
    private readonly GuestOwnership _ownership;
    private readonly PrimaryClaims _claims;
    private readonly PrimaryDisks _disks;
    private readonly GuestAlone _alone;
    private readonly DaemonClient _daemon;
    private readonly StatusBoard _status;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _end = new();
    private readonly AutoResetEvent _wake = new(false);
    private readonly GuestPause _pause;
    private readonly GuestMigration _migration;

    // main thread only
    private string? _lastLoss;

    // Any thread; the first reason stands.
    private volatile string? _endReason;
    private volatile CancellationTokenSource? _sessionStop;
    private volatile PrimarySession? _session;
    private volatile ProtectAnnotation? _sessionAnnotation;
    private volatile bool _isGivenUp;

    public PrimarySidecar(PrimaryGuest guest, GuestOwnership ownership, DaemonClient daemon, StatusBoard status, ILogger logger)
    {
        _guest = guest;
        _ownership = ownership;
        _daemon = daemon;
        _status = status;
        _logger = logger;
        _pause = new GuestPause(guest.Connection, guest.Monitor, guest.Process, guest.IoThreads, guest.Marker, logger);
        _migration = new GuestMigration(() => _pause.IsRunning);
        _disks = new PrimaryDisks(guest, _pause, status, logger);
        _alone = new GuestAlone(guest, _disks, _pause, status);
        _claims = new PrimaryClaims(ownership, guest.Marker, _pause, () => guest.Process.HasExited, guest.Process.Pid, status, logger) { Lease = guest.Lease };
        guest.Output.MayLeave = () => guest.Lease.MaySpeak;
        guest.Lease.Regained += guest.Output.TryAgain;
        guest.Lease.MaySpeakAgain += guest.Output.TryAgain;
        guest.Lease.Lost += OnLeaseLost;
        guest.Lease.Regained += logger.LeaseRegained;
        guest.Lease.Taken += OnTaken;
        daemon.RefreshAsked += Refresh;
        daemon.FailoverAsked += () => daemon.Answer(false, "ask the backup host: it takes the guest, this host cannot give it away");
    }

    /// <summary>Runs until the guest, its annotation or this process ends. Returns the exit code.</summary>
    public int Run()
    {
        new Thread(WatchProcess) { IsBackground = true, Name = "guest exit" }.Start();
        try
        {
            // The disks first: a QEMU that waits for one answers nothing.
            _disks.Survive();
            _claims.Survive();
            _guest.IoThreads.Survive();
            _alone.GoOn(_migration.IsUnderWay);
            while (!_end.IsCancellationRequested)
            {
                RunOnce();
            }
            return End();
        }
        catch (FencedException error)
        {
            return DestroyGuest(error);
        }
    }

    /// <summary>Ends protection by intent; any thread.</summary>
    public void Stop(string reason)
    {
        if (Interlocked.CompareExchange(ref _endReason, reason, null) is null)
        {
            BeforeIntendedEnd(reason);
            Cancel(_end);
        }
    }

    /// <summary>This process is asked to end: the guest is to run on unprotected, or it is gone already and libvirt's hook has left the reason. Any thread.</summary>
    public void Terminate() => Stop(_guest.Process.HasExited ? ReleaseReason.Read(_guest.Options.RunFile("released")) : "stopped");

    /// <summary>The annotation or the devices may have changed; any thread.</summary>
    public void Refresh()
    {
        _session?.NoteHardwareChange();
        _wake.Set();
        string xml;
        try
        {
            xml = _guest.Connection.Domain.GetXml(DomainXmlFlags.None);
        }
        catch (Exception error) when (error is LibvirtException or NotProtectableException or ObjectDisposedException)
        {
            // libvirtd is away, or comes back just now: whoever listens to its events asks again then.
            return;
        }
        AnnotationOutcome outcome = ProtectAnnotation.TryParse(xml, out ProtectAnnotation? annotation, out _);
        _status.Update(status => status with { Priority = annotation?.Priority });
        if (outcome is AnnotationOutcome.None)
        {
            _isGivenUp = true;
            Stop(GuestStatus.Disabled);
        }
        else if (annotation?.DiffersBeyondPriority(_sessionAnnotation) ?? _sessionAnnotation is not null)
        {
            // The next session begins with the new annotation.
            BeforeIntendedEnd("changed");
            Cancel(_sessionStop);
        }
    }

    /// <inheritdoc/>
    public void MigrationBegan()
    {
        _migration.Begin();
        EndSession();
    }

    /// <inheritdoc/>
    public void MigrationEnded(bool completed)
    {
        _migration.End(completed);
        _wake.Set();
    }

    /// <inheritdoc/>
    public void DevicesChanged() => _session?.NoteHardwareChange();

    public void Dispose()
    {
        _end.Dispose();
        _wake.Dispose();
        _disks.Dispose();
    }

    private void RunOnce()
    {
        try
        {
            RunSession();
        }
        catch (NotProtectableException error)
        {
            Settle();
            Wait(error.Message, _migration.IsUnderWay ? RetryAfterLoss : RetryAfterRefusal);
        }
        catch (Exception error) when (error is PeerLostException or ReplicationProtocolException)
        {
            if (error.Message != _lastLoss)
            {
                // A backup that stays away is worth one line, not one a second.
                _logger.PeerLost(error.Message);
                _lastLoss = error.Message;
            }
            Settle();
            Wait(error.Message, RetryAfterLoss);
        }
        catch (GuestMovedException moved)
        {
            AfterMove(moved.Recovered);
        }
        catch (ArbiterUnavailableException error)
        {
            _logger.ArbiterUnavailable(error.Message);
            Settle();
            Wait($"the arbiter cannot be reached: {error.Message}", RetryAfterLoss);
        }
        catch (OperationCanceledException)
        {
            // The annotation changed, or the end has come: its own claims follow.
            if (!_end.IsCancellationRequested)
            {
                Settle();
            }
        }
        catch (Exception error) when (error is not FencedException)
        {
            if (!_guest.Process.HasExited)
            {
                _logger.Unexpected(error.Message, error);
            }
            Settle();
            Wait(error.Message, RetryAfterLoss);
        }
    }

    /// <summary>
    /// A session is over: first this host alone may run the guest, or <see cref="FencedException"/>: then nothing the guest did since the last commit gets out.
    /// Then its writes go to the images again, and what it said leaves after them.
    /// </summary>
    private void Settle()
    {
        _claims.Settle();
        _alone.GoOn(_migration.IsUnderWay);
    }

    private void RunSession()
    {
        // Before anything is read: a change from now on ends this session, though it has hardly begun.
        using var sessionStop = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        _sessionAnnotation = null;
        _sessionStop = sessionStop;
        RunSession(sessionStop.Token);
    }

    private void RunSession(CancellationToken stop)
    {
        string xml = _guest.Connection.Domain.GetXml(DomainXmlFlags.None);
        switch (ProtectAnnotation.TryParse(xml, out ProtectAnnotation? annotation, out string? malformed))
        {
            case AnnotationOutcome.None:
                _isGivenUp = true;
                Stop(GuestStatus.Disabled);
                return;
            case AnnotationOutcome.Malformed:
                throw new NotProtectableException($"the annotation is malformed: {malformed}");
        }
        _sessionAnnotation = annotation;
        _migration.Check();
        OutputHold outputs = annotation!.HoldsOutputs ? OutputHold.None : OutputHold.Unheld;
        _status.Update(status => status with { Outputs = outputs, Peer = annotation.Backup.ToString(), Priority = annotation.Priority });
        GuestRequirements.CheckHosts(annotation, _guest.Options.Configuration);
        GuestRequirements.Check(xml, annotation.Outputs, GuestRequirements.HostHasVhostNet);
        FirmwareStore.Require(xml, _guest.Options.Configuration.Arbiter.Directory);
        if (_ownership.Refresh() is { Ended: false } record && record.Owner != _guest.Options.Configuration.HostName)
        {
            throw new NotProtectableException($"the ownership record says that the guest belongs to {record.Owner}");
        }

        if (_lastLoss is null)
        {
            _status.Set(GuestState.Connecting, $"calling {annotation.Backup}");
        }
        PrimarySession? session = null;
        try
        {
            session = new PrimarySession(_guest, annotation, _ownership, _disks, _status, _logger, stop);
            _session = session;
            _lastLoss = null;
            session.Run(stop);
        }
        finally
        {
            _session = null;
            session?.Dispose();
        }
    }

    // Checkpoints would let the guest go on; without a session the claims decide.
    private void OnLeaseLost()
    {
        EndSession();
        _claims.StandStill(() => _session is null);
    }

    private void OnTaken()
    {
        if (_session is not { HasYielded: true })
        {
            EndSession();
        }
    }

    private void EndSession()
    {
        Cancel(_sessionStop);
        _wake.Set();
    }

    /// <summary>The order matters: the claim first, then the goodbye, and the link ends after both.</summary>
    private void BeforeIntendedEnd(string reason)
    {
        if (_session is not { } session)
        {
            return;
        }
        try
        {
            _claims.ClaimBeforeGoodbye();
            session.SayBye(reason);
        }
        catch (ArbiterUnavailableException error)
        {
            // No goodbye then: the backup goes by the record, and so does what follows here.
            _logger.ArbiterUnavailable(error.Message);
        }
        catch (Exception error)
        {
            // Whatever it was (say, the backup was faster), the end itself must come: the main thread claims again.
            _logger.Unexpected(error.Message, error);
        }
    }

    private void AfterMove(Recovered recovered)
    {
        _claims.SettleAfterMove();
        _alone.GoOn(_migration.IsUnderWay);
        Wait(recovered.Ok ? "the backup says that it runs the guest, but the ownership record does not" : $"the planned failover did not succeed: {recovered.Reason}", RetryAfterRefusal);
    }

    private int DestroyGuest(FencedException error)
    {
        _guest.Output.DropAll();
        _disks.Images.CloseUntilIdle();
        _logger.Fenced(error.Message);
        _status.Set(GuestState.Fenced, error.Message);
        GuestDestroyer.Destroy(_guest, _logger);
        // What it wrote since the last commit never happened: the other host goes on from there.
        _disks.Forget();
        _daemon.SayGoodbye();
        return 0;
    }

    private int End()
    {
        string reason = _endReason ?? "stopped";
        _status.Set(GuestState.Ending, reason);
        // The claim that the guest has ended is the last: until then nobody may start it from images that lack its writes.
        _claims.Settle();
        _disks.Images.Open();
        if (_guest.Process.HasExited || !_disks.TryGiveBack())
        {
            _claims.ClaimForDrain();
            _disks.Drain();
            _disks.Forget();
        }
        _claims.End(isGivenUp: _isGivenUp);
        _alone.ReleaseOutputs(_migration.IsUnderWay);
        _logger.Ending(reason);
        _daemon.SayGoodbye();
        return 0;
    }

    private void Wait(string reason, TimeSpan longest)
    {
        if (!_end.IsCancellationRequested)
        {
            _status.Set(GuestState.Unprotected, reason);
            WaitHandle.WaitAny([_end.Token.WaitHandle, _wake], longest);
        }
    }

    /// <summary>A session's source may be disposed by now, and what it wakes may fail: neither may end this process.</summary>
    private void Cancel(CancellationTokenSource? source)
    {
        try
        {
            source?.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has ended by itself.
        }
        catch (AggregateException error)
        {
            _logger.Unexpected(error.Message, error);
        }
    }

    private void WatchProcess()
    {
        try
        {
            _guest.Process.WaitForExit(Timeout.InfiniteTimeSpan);
            Stop(ReleaseReason.Read(_guest.Options.RunFile("released")));
        }
        catch (ObjectDisposedException)
        {
            // The sidecar has ended before its guest.
        }
    }
}
