// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Protocol.Control;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Disk.Backup;
using Hikae.Sidecar.Recovery;
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

    /// <summary>What the guest let out here can no longer be taken back.</summary>
    public bool GuestHasRun { get; private set; }

    /// <summary>The guest is won. The disks wait until their former owner is off, or its lease is over.</summary>
    public void FenceOrWait(string owner)
    {
        ImageRight.GrantAfter(_ownership.FormerLease);
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
        try
        {
            _starter.Recover(session.DomainXml!, session.Store, session.Hello.Host, domain => _disks.PutInPlace(domain, disks), running =>
            {
                GuestHasRun = true;
                _disks.PassThrough();
                _logger.FailoverDone(session.Store.CommittedEpoch, Math.Round(running.TotalMilliseconds, 1));
                _status.Set(GuestState.Recovered, "the guest runs here; its memory is being filled in");
            });
            if (disks.Count > 0)
            {
                _status.Set(GuestState.Recovered, $"the guest runs here; its disk writes wait until {session.Hello.Host} can write no more");
                _disks.Drain();
                _disks.Dispose();
            }
            _status.Set(GuestState.Recovered, "the guest runs here");
            Settle(session);
            return true;
        }
        catch (Exception error)
        {
            _logger.FailoverFailed(error.Message);
            if (!GuestHasRun)
            {
                _disks.Forget(disks);
            }
            _status.Set(GuestState.Failed, $"recovery failed after {Stopwatch.GetElapsedTime(started).TotalMilliseconds:0} ms: {error.Message}");
            return false;
        }
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

    /// <summary>The guest runs here whatever comes of this.</summary>
    private void Settle(BackupSession session)
    {
        try
        {
            _starter.Settle(session.DomainXml!, session.Hello.Host, _ownership.Current?.Generation ?? 0);
        }
        catch (Exception error)
        {
            _logger.NotSettled(error.Message);
        }
    }
}
