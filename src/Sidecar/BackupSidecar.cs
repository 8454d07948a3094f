// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using Hikae.Protocol.Control;
using Hikae.Protocol.Ownership;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Link;
using Hikae.Sidecar.Recovery;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar;

/// <summary>A sidecar on the backup host: holds the guest's replica, and starts the guest from it when its primary is gone and the arbiter agrees.</summary>
/// <remarks>
/// Theory of operation. Links come from the daemon, one at a time; a new one replaces the old, as its primary has connected anew and
/// its guest is alive. When a link is lost while a whole checkpoint is held, this host waits a little, so that a primary that is alive
/// claims first, and then asks the arbiter for the guest. Losing that claim ends the replica; winning it starts the guest.
/// No answer from the arbiter decides nothing: it is asked again.
/// </remarks>
internal sealed class BackupSidecar : IDisposable
{
    // A primary that lost the link needs this long, beyond the same silence, to make its claim first.
    private static readonly TimeSpan PrimaryGoesFirst = TimeSpan.FromMilliseconds(150);
    private static readonly TimeSpan ArbiterRetry = TimeSpan.FromMilliseconds(200);

    // A primary that has lost its link tries again each second or ten; after this nobody will.
    private static readonly TimeSpan IdleTimeout = TimeSpan.FromSeconds(60);

    // set once
    private readonly SidecarOptions _options;
    private readonly GuestOwnership _ownership;
    private readonly GuestStarter _starter;
    private readonly DaemonClient _daemon;
    private readonly StatusBoard _status;
    private readonly ILogger _logger;
    private readonly BlockingCollection<Socket> _links = new(boundedCapacity: 4);
    private readonly CancellationTokenSource _end = new();

    // main thread writes, daemon thread reads
    private volatile BackupSession? _session;
    private int _failoverAsked;

    public BackupSidecar(SidecarOptions options, GuestOwnership ownership, GuestStarter starter, DaemonClient daemon, StatusBoard status, ILogger logger)
    {
        _options = options;
        _ownership = ownership;
        _starter = starter;
        _daemon = daemon;
        _status = status;
        _logger = logger;
        daemon.LinkOffered += OnLink;
        daemon.FailoverAsked += OnFailoverAsked;
    }

    /// <summary>Runs until there is no replica and no primary any more, or the guest runs here. Returns the exit code.</summary>
    public int Run()
    {
        try
        {
            while (_links.TryTake(out Socket? socket, (int)IdleTimeout.TotalMilliseconds, _end.Token))
            {
                if (!Serve(socket))
                {
                    break;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Told to stop: the replica goes with this process, and the primary sees its link end.
        }
        _logger.Ending(_status.Current.Reason ?? "no primary");
        _daemon.SayGoodbye();
        return 0;
    }

    public void Stop() => _end.Cancel();

    public void Dispose()
    {
        _end.Dispose();
        _links.Dispose();
    }

    private void OnLink(Socket socket)
    {
        if (!_links.TryAdd(socket))
        {
            socket.Dispose();
            return;
        }
        // Whoever holds the old link is this guest's primary too, and has given it up.
        _session?.CloseLink();
    }

    private void OnFailoverAsked()
    {
        if (_session is not { } session || !session.Store.HasCheckpoint)
        {
            _daemon.Answer(false, "this host holds no whole checkpoint of the guest");
            return;
        }
        Volatile.Write(ref _failoverAsked, 1);
        try
        {
            session.AskYield();
        }
        catch (PeerLostException)
        {
            // Then the lost link leads to the same end.
        }
    }

    /// <summary>One link. True: wait for the next one.</summary>
    private bool Serve(Socket socket)
    {
        BackupSession session;
        try
        {
            BackupLink link = BackupLink.Accept(socket, _options.Guest, _options.Configuration.HostName, _options.Configuration.Link);
            session = new BackupSession(link, _options.Configuration.Link.DetectAfter, _starter.DryStart, _logger);
        }
        catch (Exception error) when (error is PeerLostException or NotProtectableException)
        {
            _logger.PeerLost(error.Message);
            _status.Set(GuestState.Failed, error.Message);
            return true;
        }

        using (session)
        {
            _session = session;
            try
            {
                _logger.Linked(session.Hello.Host, ReplicationVersion.Current);
                _status.Update(status => status with { Guest = session.Hello.GuestName, Peer = session.Hello.Host });
                _status.Set(GuestState.Receiving, $"the first checkpoint of {session.Hello.Host} is on its way");
                _status.MeasureWith(status => Measure(status, session));
                session.Committed += () => _status.Set(GuestState.Ready);
                session.Run();
                return session.Yielded ? AfterYield(session) : AfterBye(session);
            }
            catch (PeerLostException error)
            {
                _logger.PeerLost(error.Message);
                return AfterLoss(session, error);
            }
            finally
            {
                _status.MeasureWith(null);
                _session = null;
            }
        }
    }

    private bool AfterBye(BackupSession session)
    {
        _logger.PrimarySaidBye(session.ByeReason!);
        _status.Set(GuestState.Receiving, $"the primary ended protection: {session.ByeReason}");
        return false;
    }

    private bool AfterYield(BackupSession session)
    {
        if (!TakeOver(out string why))
        {
            session.Report(new Recovered(false, why));
            return true;
        }
        bool ok = Recover(session, $"{session.Hello.Host} yielded the guest");
        string? reason = _status.Current.Reason;
        if (!ok)
        {
            _ownership.TryGiveBack(session.Hello.Host);
        }
        session.Report(new Recovered(ok, reason));
        if (Interlocked.Exchange(ref _failoverAsked, 0) == 1)
        {
            _daemon.Answer(ok, ok ? "the guest runs here" : reason ?? "recovery failed");
        }
        return !ok;
    }

    private bool AfterLoss(BackupSession session, PeerLostException loss)
    {
        if (!session.Store.HasCheckpoint)
        {
            _status.Set(GuestState.Failed, $"{loss.Message}; no whole checkpoint is held");
            return true;
        }
        // A closed connection is noticed at once, a dead host only after the silence; the primary needs the same time either way.
        TimeSpan patience = PrimaryGoesFirst + (loss.IsSilence ? TimeSpan.Zero : _options.Configuration.Link.DetectAfter);
        if (WaitForLink(patience))
        {
            return true;
        }
        while (true)
        {
            try
            {
                if (!TakeOver(out string why))
                {
                    _logger.NoFailover(why);
                    _status.Set(GuestState.Failed, why);
                    return true;
                }
                break;
            }
            catch (ArbiterUnavailableException error)
            {
                _logger.ArbiterUnavailable(error.Message);
                _status.Set(GuestState.Failed, $"the primary is lost, but the arbiter cannot be reached: {error.Message}");
                if (WaitForLink(ArbiterRetry))
                {
                    return true;
                }
            }
        }
        return !Recover(session, loss.Message);
    }

    private bool TakeOver(out string why)
    {
        if (_ownership.TryTakeOver())
        {
            why = string.Empty;
            return true;
        }
        OwnershipRecord? record = _ownership.Current;
        why = record is null
            ? "the guest was never declared protected"
            : $"{record.Owner} keeps the guest{(record.Ended ? ", which was stopped in order" : string.Empty)} (generation {record.Generation})";
        return false;
    }

    private bool WaitForLink(TimeSpan longest)
    {
        long started = Stopwatch.GetTimestamp();
        while (_links.Count == 0)
        {
            if (Stopwatch.GetElapsedTime(started) >= longest)
            {
                return false;
            }
            _end.Token.ThrowIfCancellationRequested();
            Thread.Sleep(5);
        }
        return true;
    }

    private bool Recover(BackupSession session, string why)
    {
        long started = Stopwatch.GetTimestamp();
        _logger.FailoverBegins(why);
        _status.Set(GuestState.Recovering, why);
        try
        {
            _starter.Recover(session.DomainXml!, session.Store, session.Hello.Host, running =>
            {
                _logger.FailoverDone(session.Store.CommittedEpoch, Math.Round(running.TotalMilliseconds, 1));
                _status.Set(GuestState.Recovered, "the guest runs here; its memory is being filled in");
            });
            _status.Set(GuestState.Recovered, "the guest runs here");
            return true;
        }
        catch (Exception error) when (error is RecoveryException or Native.Libvirt.LibvirtException or Capture.QemuMonitorException or IOException)
        {
            _logger.FailoverFailed(error.Message);
            _status.Set(GuestState.Failed, $"recovery failed after {Stopwatch.GetElapsedTime(started).TotalMilliseconds:0} ms: {error.Message}");
            return false;
        }
    }

    private static GuestStatus Measure(GuestStatus status, BackupSession session) => status with
    {
        Epoch = session.Store.CommittedEpoch,
        CommittedAgeMs = session.CommittedAt == 0 ? null : Math.Round(Stopwatch.GetElapsedTime(session.CommittedAt).TotalMilliseconds),
        BackupBytes = session.ReplicaBytes,
        BackupParts = session.ReplicaParts,
        GuestBytes = session.Store.Blocks.Sum(block => block.UsedBytes),
        SoftPages = new SoftPageCounts(session.Store.Statistics.ZeroPages, session.Store.Statistics.FreePages, 0),
    };
}
