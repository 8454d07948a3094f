// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Native.Libvirt;
using Hikae.Protocol.Annotation;
using Hikae.Protocol.Control;
using Hikae.Protocol.Ownership;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;
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
internal sealed class PrimarySidecar : IDisposable
{
    private static readonly TimeSpan RetryAfterLoss = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RetryAfterRefusal = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan ArbiterRetry = TimeSpan.FromMilliseconds(200);

    // set once
    private readonly PrimaryGuest _guest;
    private readonly GuestOwnership _ownership;
    private readonly DaemonClient _daemon;
    private readonly StatusBoard _status;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _end = new();
    private readonly AutoResetEvent _wake = new(false);

    // main thread only
    private string? _lastLoss;

    // Any thread; the first reason stands.
    private volatile string? _endReason;
    private volatile CancellationTokenSource? _sessionStop;
    private volatile PrimarySession? _session;
    private volatile ProtectAnnotation? _sessionAnnotation;

    public PrimarySidecar(PrimaryGuest guest, GuestOwnership ownership, DaemonClient daemon, StatusBoard status, ILogger logger)
    {
        _guest = guest;
        _ownership = ownership;
        _daemon = daemon;
        _status = status;
        _logger = logger;
        daemon.RefreshAsked += Refresh;
        daemon.FailoverAsked += () => daemon.Answer(false, "ask the backup host: it takes the guest, this host cannot give it away");
    }

    /// <summary>Runs until the guest, its annotation or this process ends. Returns the exit code.</summary>
    public int Run()
    {
        new Thread(WatchProcess) { IsBackground = true, Name = "guest exit" }.Start();
        try
        {
            Survive();
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
            _end.Cancel();
        }
    }

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
        catch (Exception error) when (error is LibvirtException or NotProtectableException)
        {
            return;
        }
        AnnotationOutcome outcome = ProtectAnnotation.TryParse(xml, out ProtectAnnotation? annotation, out _);
        if (outcome is AnnotationOutcome.None)
        {
            Stop("disabled");
        }
        else if (annotation != _sessionAnnotation)
        {
            // The next session begins with the new annotation.
            BeforeIntendedEnd("changed");
            _sessionStop?.Cancel();
        }
    }

    public void Dispose()
    {
        _end.Dispose();
        _wake.Dispose();
    }

    /// <summary>What an earlier sidecar of this guest may have left: a claim that lets the backup take the guest, and a guest that stands still.</summary>
    private void Survive()
    {
        OwnershipRecord? record = WithArbiter(_ownership.Refresh);
        long owned = _guest.Marker.OwnedGeneration(_guest.Process.Pid);
        if (record is { Ended: false } && record.Owner != _guest.Options.Configuration.HostName && owned > 0)
        {
            throw new FencedException($"{record.Owner} took the guest (generation {record.Generation}) while no sidecar ran here");
        }
        if (record is { Ended: false, ProtectedBy: not null } && record.Owner == _guest.Options.Configuration.HostName)
        {
            ClaimUnprotected();
        }
        if (_guest.Marker.PausedByUs)
        {
            _logger.ResumedAfterCrash();
            NewPause().Resume();
        }
    }

    private void RunOnce()
    {
        try
        {
            RunSession();
        }
        catch (NotProtectableException error)
        {
            SettleAfterLoss();
            Wait(error.Message, RetryAfterRefusal);
        }
        catch (Exception error) when (error is PeerLostException or ReplicationProtocolException)
        {
            if (error.Message != _lastLoss)
            {
                // A backup that stays away is worth one line, not one a second.
                _logger.PeerLost(error.Message);
                _lastLoss = error.Message;
            }
            SettleAfterLoss();
            Wait(error.Message, RetryAfterLoss);
        }
        catch (GuestMovedException moved)
        {
            AfterMove(moved.Recovered);
        }
        catch (ArbiterUnavailableException error)
        {
            _logger.ArbiterUnavailable(error.Message);
            SettleAfterLoss();
            Wait($"the arbiter cannot be reached: {error.Message}", RetryAfterLoss);
        }
        catch (OperationCanceledException)
        {
            // The annotation changed, or the end has come: its own claims follow.
            if (!_end.IsCancellationRequested)
            {
                SettleAfterLoss();
            }
        }
        catch (Exception error) when (error is LibvirtException or QemuMonitorException or Native.Linux.LinuxException or IOException or InvalidOperationException)
        {
            if (!_guest.Process.HasExited)
            {
                _logger.Unexpected(error.Message, error);
            }
            SettleAfterLoss();
            Wait(error.Message, RetryAfterLoss);
        }
    }

    private void RunSession()
    {
        string xml = _guest.Connection.Domain.GetXml(DomainXmlFlags.None);
        switch (ProtectAnnotation.TryParse(xml, out ProtectAnnotation? annotation, out string? malformed))
        {
            case AnnotationOutcome.None:
                Stop("disabled");
                return;
            case AnnotationOutcome.Malformed:
                throw new NotProtectableException($"the annotation is malformed: {malformed}");
            default:
                break;
        }
        _sessionAnnotation = annotation;
        OutputHold outputs = annotation!.Outputs is GuestOutputs.Unheld ? OutputHold.Unheld : OutputHold.None;
        _status.Update(status => status with { Outputs = outputs, Peer = annotation.Backup.ToString() });
        if (_guest.Options.Configuration.Arbiter.Directory is null)
        {
            throw new NotProtectableException(Protocol.Configuration.ArbiterConfiguration.NoDirectoryReason);
        }
        GuestRequirements.Check(xml, annotation.Outputs);
        if (_ownership.Refresh() is { Ended: false } record && record.Owner != _guest.Options.Configuration.HostName)
        {
            throw new NotProtectableException($"the ownership record says that the guest belongs to {record.Owner}");
        }

        using var sessionStop = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        _sessionStop = sessionStop;
        if (_lastLoss is null)
        {
            _status.Set(GuestState.Connecting, $"calling {annotation.Backup}");
        }
        PrimarySession? session = null;
        try
        {
            session = new PrimarySession(_guest, annotation, _ownership, _status, _logger, sessionStop.Token);
            _session = session;
            _lastLoss = null;
            session.Run(sessionStop.Token);
        }
        finally
        {
            _sessionStop = null;
            _session = null;
            session?.Dispose();
        }
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
            if (_guest.Process.HasExited)
            {
                _ownership.Release();
            }
            else
            {
                _ownership.ClaimUnprotected();
            }
            session.SayBye(reason);
        }
        catch (Exception error) when (error is ArbiterUnavailableException or FencedException)
        {
            // No goodbye then: the backup goes by the record, and so does what follows here.
            _logger.ArbiterUnavailable(error.Message);
        }
    }

    /// <summary>The session is over and the guest may run on: make sure that nobody else takes it, then make sure that it does not stand still.</summary>
    private void SettleAfterLoss()
    {
        if (_guest.Process.HasExited)
        {
            return;
        }
        if (_ownership.Current is { Ended: false, ProtectedBy: not null } record && record.Owner == _guest.Options.Configuration.HostName)
        {
            ClaimUnprotected();
        }
        if (_guest.Marker.PausedByUs)
        {
            NewPause().Resume();
        }
    }

    /// <summary>Claims until the arbiter answers. Without an answer the guest is paused when its lease runs out, as the backup may have taken it.</summary>
    private void ClaimUnprotected()
    {
        long started = Stopwatch.GetTimestamp();
        bool paused = false;
        while (true)
        {
            try
            {
                _ownership.ClaimUnprotected();
                if (paused)
                {
                    NewPause().Resume();
                }
                return;
            }
            catch (ArbiterUnavailableException error)
            {
                if (!paused && Stopwatch.GetElapsedTime(started) >= _guest.Options.Configuration.Arbiter.Lease)
                {
                    _logger.ArbiterUnavailable(error.Message);
                    paused = NewPause().TryPause();
                    _status.Set(GuestState.Paused, "the backup and the arbiter cannot be reached, and the lease ran out: another host may run the guest");
                }
                if (_guest.Process.HasExited)
                {
                    return;
                }
                Thread.Sleep(ArbiterRetry);
            }
        }
    }

    private T WithArbiter<T>(Func<T> ask)
    {
        while (true)
        {
            try
            {
                return ask();
            }
            catch (ArbiterUnavailableException error)
            {
                if (!_guest.Marker.PausedByUs && _guest.Marker.OwnedGeneration(_guest.Process.Pid) == 0)
                {
                    // Nothing was ever claimed for this run of the guest, so nothing can have been taken.
                    return default!;
                }
                _status.Set(GuestState.Unprotected, $"the arbiter cannot be reached: {error.Message}");
                Thread.Sleep(ArbiterRetry);
                if (_guest.Process.HasExited)
                {
                    return default!;
                }
            }
        }
    }

    private void AfterMove(Recovered recovered)
    {
        OwnershipRecord? record = WithArbiter(_ownership.Refresh);
        if (recovered.Ok || record?.Owner != _guest.Options.Configuration.HostName)
        {
            throw new FencedException(recovered.Ok ? $"the guest moved to {record?.Owner}" : $"{record?.Owner} kept the guest: {recovered.Reason}");
        }
        NewPause().Resume();
        Wait($"the planned failover did not succeed: {recovered.Reason}", RetryAfterRefusal);
    }

    private int DestroyGuest(FencedException error)
    {
        _logger.Fenced(error.Message);
        _status.Set(GuestState.Fenced, error.Message);
        try
        {
            _guest.Connection.Domain.Destroy();
        }
        catch (Exception failure) when (failure is LibvirtException or NotProtectableException)
        {
            // Without libvirt the process itself is ended: two running copies are worse than anything.
            _logger.Unexpected(failure.Message, failure);
            _guest.Process.Kill();
        }
        _daemon.SayGoodbye();
        return 0;
    }

    private int End()
    {
        string reason = _endReason ?? "stopped";
        _status.Set(GuestState.Ending, reason);
        try
        {
            if (_guest.Process.HasExited)
            {
                _ownership.Release();
            }
            else
            {
                SettleAfterLoss();
            }
        }
        catch (ArbiterUnavailableException error)
        {
            _logger.ArbiterUnavailable(error.Message);
        }
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

    private GuestPause NewPause() => new(_guest.Connection, _guest.Monitor, _guest.Process, _guest.Marker, _logger);

    private void WatchProcess()
    {
        while (!_guest.Process.WaitForExit(TimeSpan.FromSeconds(10)))
        {
        }
        Stop(ReleaseReason.Read(_guest.Options.RunFile("released")));
    }
}
