// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Libvirt;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Epoch;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Disk.Graph;

/// <summary>Listens to QEMU for what touches a protected guest's disks, and for how long it stands still; again after libvirtd restarted.</summary>
/// <remarks>
/// No hook of libvirt runs on the host a guest leaves, so QEMU's MIGRATION event is the first sign: it comes with status "setup", before any memory is sent. The
/// last thing a migration does is a FLUSH of every disk, and a server that drains answers it when all before is durable. So one that was told at "setup" is
/// in time. One that was told too late still holds QEMU's locks on the image, and the other side fails to open it.
/// To be started when the guest is up: an incoming migration, as of a failover, makes the same events.
/// </remarks>
internal sealed class DiskWatcher : IDisposable
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(200);

    private readonly GuestConnection _guest;
    private readonly QemuMonitor _monitor;
    private readonly IDiskIncidents _incidents;
    private readonly Standstills _standstills;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _thread;
    private readonly ManualResetEventSlim _listening = new();
    private bool _underWay;

    public DiskWatcher(GuestConnection guest, QemuMonitor monitor, IDiskIncidents incidents, Standstills standstills, ILogger logger)
    {
        _guest = guest;
        _monitor = monitor;
        _incidents = incidents;
        _standstills = standstills;
        _logger = logger;
        _thread = new Thread(Run) { IsBackground = true, Name = "QEMU events" };
        _thread.Start();
    }

    /// <summary>False: libvirt could not be reached in time, nothing is heard yet. Nothing may be held before it listens.</summary>
    public bool WaitListening(TimeSpan limit) => _listening.Wait(limit);

    /// <summary>No call comes after this.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _thread.Join();
        _stop.Dispose();
        _listening.Dispose();
    }

    private void Run()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                using QemuMonitorEventSubscription subscription = _guest.Connection.WatchMonitorEvents(_guest.Domain, null);
                // What began while nobody listened.
                Take(MigrationStatus.Read(_monitor.Execute("query-migrate")), isNews: false);
                _incidents.DevicesChanged();
                _listening.Set();
                Listen(subscription);
            }
            catch (Exception error) when (error is LibvirtException or QemuMonitorException or NotProtectableException or OperationCanceledException
                or System.Threading.Channels.ChannelClosedException or ObjectDisposedException)
            {
                // libvirtd is away, and with it whoever could ask for a migration; or the guest has ended.
            }
            catch (Exception error)
            {
                _logger.Unexpected(error.Message, error);
            }
            _stop.Token.WaitHandle.WaitOne(RetryInterval);
        }
    }

    private void Listen(QemuMonitorEventSubscription subscription)
    {
        while (true)
        {
            MonitorEvent change = subscription.Reader.ReadAsync(_stop.Token).AsTask().GetAwaiter().GetResult();
            _standstills.Take(change);
            if (change.IsMissed)
            {
                Take(MigrationStatus.Read(_monitor.Execute("query-migrate")), isNews: false);
                _incidents.DevicesChanged();
            }
            else if (change.Event == "MIGRATION")
            {
                Take(MigrationStatus.Read(change.DetailsJson), isNews: true);
            }
            else if (change.Event is "DEVICE_DELETED" or "DEVICE_TRAY_MOVED" or "RESET")
            {
                _incidents.DevicesChanged();
            }
        }
    }

    // query-migrate also tells of migrations that were over before we came, the one that brought the guest here among them.
    private void Take(MigrationPhase phase, bool isNews)
    {
        if (phase is MigrationPhase.UnderWay && !_underWay)
        {
            _underWay = true;
            _incidents.MigrationBegan();
        }
        else if (phase is not MigrationPhase.UnderWay && (_underWay || (isNews && phase is not MigrationPhase.None)))
        {
            _underWay = false;
            _incidents.MigrationEnded(phase is MigrationPhase.Completed);
        }
    }
}
