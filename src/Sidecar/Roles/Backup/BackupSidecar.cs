// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Protocol.Control;
using Hikae.Protocol.Ownership;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Disk.Backup;
using Hikae.Sidecar.Disk.Buffer;
using Hikae.Sidecar.Link;
using Hikae.Sidecar.Recovery;
using Hikae.Sidecar.Recovery.Interrupted;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar;

/// <summary>A sidecar on the backup host: holds the guest's replica, and starts the guest from it when its primary is gone and the arbiter agrees.</summary>
/// <remarks>
/// Theory of operation. Links come from the daemon; one whose peer is trusted replaces the old, as its primary has connected anew and
/// its guest is alive. When a link is lost while a whole checkpoint is held, this host closes it, so that the primary notices too, waits a little, so that a primary that is
/// alive claims first, and then asks the arbiter for the guest. Losing that claim ends the replica; winning it starts the guest.
/// No answer from the arbiter decides nothing: it is asked again. Before that claim the guest's turn has come among those of this host: until then nothing is claimed, and the replica is kept.
/// </remarks>
internal sealed class BackupSidecar : IDisposable
{
    // A primary that lost the link needs this long, beyond the same silence, to make its claim first.
    private static readonly TimeSpan PrimaryGoesFirst = TimeSpan.FromMilliseconds(150);

    // A link that stutters must not make this host create and destroy domains all the time.
    private static readonly TimeSpan StandByAgain = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan ArbiterRetry = TimeSpan.FromMilliseconds(200);

    // A primary that has lost its link tries again each second or ten; after this nobody will.
    private static readonly TimeSpan IdleTimeout = TimeSpan.FromSeconds(60);

    // Anybody who reaches the port gets a sidecar started: one that was never shown a right to it does not stay.
    private static readonly TimeSpan UnprovenTimeout = TimeSpan.FromSeconds(10);

    // set once
    private readonly SidecarOptions _options;
    private readonly GuestOwnership _ownership;
    private readonly GuestStarter _starter;
    private readonly DaemonClient _daemon;
    private readonly StatusBoard _status;
    private readonly ILogger _logger;
    private readonly BackupLinks _links;
    private readonly ReplicaRoom _room;
    private readonly TurnWait _turn;
    private GuestTakeover _takeover;
    private readonly CancellationTokenSource _end = new();

    // main thread writes, daemon thread reads
    private volatile BackupSession? _session;
    private volatile ReplicaClaim? _claim;
    private volatile bool _wasReady;
    private int _failoverAsked;
    private long _stoodDownAt;

    public BackupSidecar(SidecarOptions options, GuestOwnership ownership, GuestStarter starter, DaemonClient daemon, StatusBoard status, ILogger logger)
    {
        _options = options;
        _ownership = ownership;
        _starter = starter;
        _daemon = daemon;
        _status = status;
        _logger = logger;
        _links = new BackupLinks(options, daemon, logger);
        _room = new ReplicaRoom(options.ControlSocket, options.Guest);
        _turn = new TurnWait(options.ControlSocket, _links, ownership, status, logger);
        _takeover = NewTakeover();
        _links.Arrived += OnArrived;
        _links.Refused += OnRefused;
        daemon.FailoverAsked += OnFailoverAsked;
    }

    /// <summary>A takeover of an earlier process that was killed: it comes first.</summary>
    public TakeoverNote? Interrupted { get; init; }

    /// <summary>Runs until there is no replica and no primary any more, or the guest runs here. Returns the exit code.</summary>
    public int Run()
    {
        try
        {
            if (Interrupted is { } note)
            {
                _takeover.GoOn(note);
            }
            TimeSpan patience = UnprovenTimeout;
            while (Interrupted is null && _links.TryTake(out BackupLink? link, patience, _end.Token))
            {
                patience = IdleTimeout;
                if (!Serve(link!))
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

    /// <summary>Ends this sidecar; any thread. The replica goes with it.</summary>
    public void Stop()
    {
        _end.Cancel();
        // No token reaches a thread that waits for the primary.
        _session?.CloseLink();
    }

    public void Dispose()
    {
        _end.Dispose();
        _links.Dispose();
        _turn.Dispose();
        _takeover.Dispose();
    }

    /// <summary>This one did not succeed, and the guest may have another owner by now.</summary>
    private void RenewTakeover()
    {
        _takeover.Dispose();
        _takeover = NewTakeover();
    }

    private GuestTakeover NewTakeover() => new(_options, _ownership, _starter, _daemon, _status, _logger) { Runs = _turn.End };

    private void OnArrived(BackupLink link)
    {
        // The main thread may have taken it by now.
        if (_session is { } session && !session.Serves(link))
        {
            session.CloseLink();
        }
    }

    private void OnRefused(string reason)
    {
        if (_session is null)
        {
            _status.Set(GuestState.Failed, reason);
        }
    }

    private void OnFailoverAsked()
    {
        if (_session is not { } session || !session.HasCheckpoint)
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
    private bool Serve(BackupLink link)
    {
        using (var session = new BackupSession(link, _options.Configuration.Link.DetectAfter, _starter.DryStart, NewDisks(), _logger) { NoRoom = WhyNoRoom })
        {
            using var claim = new ReplicaClaim(_ownership, session.Hello.Host, _logger);
            _session = session;
            _claim = claim;
            if (_links.Any || _end.IsCancellationRequested)
            {
                // That came before anybody could see this session.
                session.CloseLink();
            }
            try
            {
                _logger.Linked(session.Hello.Host, session.Version);
                _status.Update(status => status with { Guest = session.Hello.GuestName, Peer = session.Hello.Host });
                _status.Set(GuestState.Receiving, $"the first checkpoint of {session.Hello.Host} is on its way");
                _status.MeasureWith(status => Measure(status, session.Figures) with { Priority = session.Priority, MemoryFill = FillOf(status.State) });
                session.Silent += silent => OnSilence(session, silent);
                session.Committed += () => OnCommitted(claim);
                session.Committed += new SpareMemory().OnCommitted;
                session.Claimed += generation => claim.Confirm(generation, () => OnCommitted(claim), reason => session.Refuse(reason), OnArbiterSilent);
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
                // Taken by a recovery, or not needed any more.
                _turn.End();
                _starter.StandDown();
                _status.Update(status => status with { GuestBytes = session.Figures.GuestBytes });
                _status.MeasureWith(null);
                _claim = null;
                _session = null;
            }
        }
    }

    private MemoryFill? FillOf(GuestState state) => state is GuestState.Recovering or GuestState.Recovered ? _starter.Progress?.Stream?.ToStatus() : null;

    private void OnCommitted(ReplicaClaim claim)
    {
        // Its look may end after the session.
        if (claim.Generation > 0 && claim == _claim)
        {
            _wasReady = true;
            _status.Set(GuestState.Ready);
        }
    }

    private void OnArbiterSilent(string detail) =>
        _status.Set(GuestState.Receiving, $"a whole checkpoint is held, but the arbiter cannot be asked whose the guest is: {detail}");

    /// <summary>A guest that was protected here keeps its place when its primary calls again.</summary>
    private string? WhyNoRoom() => _wasReady ? null : _room.WhyNot();

    private ReplicaDisks NewDisks() =>
        new(_options.RunDirectory, _options.Guest, BufferLimits.ReplicaBytes(_options.Configuration.Disk.BufferBytes));

    private void OnSilence(BackupSession session, bool silent)
    {
        if (!silent)
        {
            _turn.End();
            _starter.StandDown();
            Volatile.Write(ref _stoodDownAt, Stopwatch.GetTimestamp());
        }
        else if (Volatile.Read(ref _stoodDownAt) is var before && (before == 0 || Stopwatch.GetElapsedTime(before) > StandByAgain))
        {
            AskTurn(session);
        }
    }

    /// <summary>The domain is created as soon as it is this guest's turn.</summary>
    private void AskTurn(BackupSession session)
    {
        ReplicaFigures figures = session.Figures;
        var wish = new AskTurn(_options.Guest, session.Hello.GuestName, session.Hello.Host, session.Priority, figures.GuestBytes, figures.UsedBytes);
        _turn.Ask(wish, () => _starter.StandBy(session.DomainXml!));
    }

    private bool AfterBye(BackupSession session)
    {
        _logger.PrimarySaidBye(session.ByeReason!);
        _status.Set(GuestState.Receiving, $"the primary ended protection: {session.ByeReason}");
        AnswerFailover(false, $"the primary ended protection: {session.ByeReason}");
        return false;
    }

    private bool AfterYield(BackupSession session)
    {
        string why;
        try
        {
            if (!TakeOver(out why))
            {
                session.Report(new Recovered(false, why));
                AnswerFailover(false, why);
                return true;
            }
        }
        catch (ArbiterUnavailableException error)
        {
            // The claim may have been made or not: as after a lost link, the arbiter is asked until it answers, and the primary asks too.
            return AfterLoss(session, new PeerLostException($"the arbiter cannot be reached: {error.Message}", error));
        }
        _takeover.ImageRight.Grant($"{session.Hello.Host} yielded the guest");
        bool ok = _takeover.Run(session, $"{session.Hello.Host} yielded the guest");
        string reason = _status.Current.Reason ?? "recovery failed";
        if (!ok && !_takeover.GuestHasRun)
        {
            // The primary waits for it: without the record it must destroy the only guest there is.
            ClaimPatiently(() => _ownership.TryGiveBack(session.Hello.Host));
        }
        if (!ok)
        {
            RenewTakeover();
        }
        session.Report(new Recovered(ok, reason));
        AnswerFailover(ok, ok ? "the guest runs here" : reason);
        return !ok;
    }

    private void ClaimPatiently(Action claim) => PatientClaims.Make(claim, Timeout.InfiniteTimeSpan, _logger, _end.Token);

    private void AnswerFailover(bool ok, string message)
    {
        if (Interlocked.Exchange(ref _failoverAsked, 0) == 1)
        {
            _daemon.Answer(ok, message);
        }
    }

    private bool AfterLoss(BackupSession session, PeerLostException loss)
    {
        // A primary that is alive must lose the link as well, or it would not claim and both would run the guest.
        session.CloseLink();
        if (!session.HasCheckpoint)
        {
            _status.Set(GuestState.Failed, $"{loss.Message}; no whole checkpoint is held");
            return true;
        }
        AskTurn(session);

        // A closed connection is noticed at once, a dead host only after the silence; the primary needs the same time either way.
        TimeSpan patience = PrimaryGoesFirst + (loss.IsSilence ? TimeSpan.Zero : _options.Configuration.Link.DetectAfter);
        if (_links.Wait(patience, _end.Token))
        {
            AnswerFailover(false, loss.Message);
            return true;
        }
        // The administrator's word is a turn of its own.
        if (!_turn.Await(loss.Message, _claim?.Generation ?? 0, () => Volatile.Read(ref _failoverAsked) != 0, _end.Token))
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
                    AnswerFailover(false, why);

                    // The goodbye of a guest that was stopped can get lost with its link; nobody will call for it again.
                    return _ownership.Current is not { Ended: true };
                }
                break;
            }
            catch (ArbiterUnavailableException error)
            {
                _logger.ArbiterUnavailable(error.Message);
                _status.Set(GuestState.Failed, $"the primary is lost, but the arbiter cannot be reached: {error.Message}");
                if (_links.Wait(ArbiterRetry, _end.Token))
                {
                    return true;
                }
            }
        }
        _takeover.FenceOrWait(session.Hello.Host);
        bool ok = _takeover.Run(session, loss.Message);
        if (!ok && !_takeover.GuestHasRun)
        {
            // Nobody runs it: a primary that lives may go on, and any host may start it. Owned by a host that cannot, nobody could.
            ClaimPatiently(() => _ownership.ReleaseUnrun(session.Hello.Host));
        }
        if (!ok)
        {
            RenewTakeover();
        }
        AnswerFailover(ok, ok ? "the guest runs here" : _status.Current.Reason ?? "recovery failed");
        return !ok;
    }

    private bool TakeOver(out string why)
    {
        if (_ownership.TryTakeOver(_claim?.Generation ?? 0))
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

    private static GuestStatus Measure(GuestStatus status, ReplicaFigures figures) => status with
    {
        Epoch = figures.Epoch,
        CommittedAgeMs = figures.CommittedAt == 0 ? null : Math.Round(Stopwatch.GetElapsedTime(figures.CommittedAt).TotalMilliseconds),
        BackupBytes = figures.ReplicaBytes,
        BackupParts = figures.Parts,
        GuestBytes = figures.GuestBytes,
        SoftPages = new SoftPageCounts(figures.ZeroPages, figures.FreePages, 0, figures.DiskPages, figures.ReadPages),
    };
}
