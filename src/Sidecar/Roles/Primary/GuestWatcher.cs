// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Libvirt;
using Hikae.Protocol.Annotation;
using Hikae.Sidecar.Capture;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar;

/// <summary>Listens to libvirt for what changes a protected guest: its annotation, its devices, a reset. Listens again after libvirtd restarted.</summary>
internal sealed class GuestWatcher : IDisposable
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(500);

    private readonly GuestConnection _guest;
    private readonly string _uuid;
    private readonly PrimarySidecar _sidecar;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();

    public GuestWatcher(GuestConnection guest, string uuid, PrimarySidecar sidecar, ILogger logger)
    {
        _guest = guest;
        _uuid = uuid;
        _sidecar = sidecar;
        _logger = logger;
        new Thread(Run) { IsBackground = true, Name = "libvirt events" }.Start();
    }

    public void Dispose() => _stop.Cancel();

    private void Run()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                using DomainEventSubscription subscription = _guest.Connection.WatchDomains();
                // What happened while nobody listened.
                _sidecar.Refresh();
                Listen(subscription);
            }
            catch (Exception error) when (error is LibvirtException or NotProtectableException or OperationCanceledException or System.Threading.Channels.ChannelClosedException or ObjectDisposedException)
            {
                // libvirtd is away; the guest and its protection are not.
            }
            catch (Exception error)
            {
                _logger.Unexpected(error.Message, error);
            }
            _stop.Token.WaitHandle.WaitOne(RetryInterval);
        }
    }

    private void Listen(DomainEventSubscription subscription)
    {
        while (true)
        {
            DomainEvent change = subscription.Reader.ReadAsync(_stop.Token).AsTask().GetAwaiter().GetResult();
            if (change.Kind is DomainEventKind.Closed)
            {
                return;
            }
            bool ours = change.Kind is DomainEventKind.Missed || change.Uuid == _uuid;
            bool ofInterest = change.Kind switch
            {
                // Our own status in the metadata must not wake us.
                DomainEventKind.MetadataChange => change.Text == HikaeNamespaces.Domain,
                DomainEventKind.Lifecycle => false,
                _ => true,
            };
            if (ours && ofInterest)
            {
                _sidecar.Refresh();
            }
        }
    }
}
