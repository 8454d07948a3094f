// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Control;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar;

/// <summary>What this sidecar tells the world of its guest: to the daemon at every change and each second, to the log when the state changes.</summary>
internal sealed class StatusBoard : IDisposable
{
    private static readonly TimeSpan PublishInterval = TimeSpan.FromSeconds(1);

    private readonly DaemonClient _daemon;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly ITimer _timer;
    private readonly Lock _gate = new();

    // guarded by _gate; what is measured is never kept here, so that no figure outlives what it was measured of
    private GuestStatus _status;
    private Func<GuestStatus, GuestStatus>? _measure;

    // written by whoever publishes, read by any thread
    private volatile GuestStatus _latest;

    public StatusBoard(GuestStatus initial, DaemonClient daemon, TimeProvider clock, ILogger logger)
    {
        _status = _latest = initial;
        _daemon = daemon;
        _clock = clock;
        _logger = logger;
        _timer = clock.CreateTimer(_ => PublishByTimer(), null, TimeSpan.Zero, PublishInterval);
    }

    /// <summary>Called after the state or the reason changed, on the thread that changed it.</summary>
    public event Action<GuestStatus>? Changed;

    /// <summary>What was set and updated, without what is measured.</summary>
    public GuestStatus Current
    {
        get
        {
            lock (_gate)
            {
                return _status;
            }
        }
    }

    /// <summary>What was last published, with what was measured then. Does not wait for whoever measures now: it is for the log.</summary>
    public GuestStatus Latest => _latest;

    /// <summary>Changes the state. The same state with the same reason changes nothing.</summary>
    public void Set(GuestState state, string? reason = null)
    {
        GuestStatus changed;
        lock (_gate)
        {
            if (_status.State == state && _status.Reason == reason)
            {
                return;
            }
            changed = _status = _status with { State = state, Reason = reason };
        }
        _logger.StateChanged(state, reason ?? "as wanted");
        Publish();
        Changed?.Invoke(changed);
    }

    /// <summary>Changes other members; published with the next report.</summary>
    public void Update(Func<GuestStatus, GuestStatus> change)
    {
        lock (_gate)
        {
            _status = change(_status);
        }
    }

    /// <summary>Fills in what each report measures anew; null when there is nothing to measure, and then nothing that was measured is shown any more.</summary>
    public void MeasureWith(Func<GuestStatus, GuestStatus>? measure)
    {
        lock (_gate)
        {
            _measure = measure;
        }
    }

    public void Dispose() => _timer.Dispose();

    private void PublishByTimer()
    {
        try
        {
            Publish();
        }
        catch (Exception error)
        {
            // A figure that cannot be measured must not end the process that protects the guest.
            _logger.Unexpected(error.Message, error);
        }
    }

    private void Publish()
    {
        GuestStatus status;
        lock (_gate)
        {
            status = (_measure?.Invoke(_status) ?? _status) with { UpdatedAt = _clock.GetUtcNow() };
        }
        _latest = status;
        _daemon.Publish(status);
    }
}
