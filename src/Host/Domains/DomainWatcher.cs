// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Host.Control;
using Hikae.Host.Sidecars;
using Hikae.Native.Libvirt;
using Hikae.Protocol.Annotation;
using Hikae.Protocol.Control;
using Microsoft.Extensions.Logging;

namespace Hikae.Host.Domains;

/// <summary>Watches libvirt for what its hooks do not see: annotations set on running guests, devices that come and go.</summary>
/// <remarks>
/// Connects, subscribes, then lists, so that nothing falls in between; when libvirtd goes away, starts over, later and later, up
/// to <see cref="LongestPause"/>. Guests are never touched.
/// </remarks>
internal sealed class DomainWatcher(string uri, SidecarRegistry registry, SidecarSupervisor supervisor, TimeProvider clock, ILogger logger)
{
    public static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500);
    public static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

    // A libvirtd silent for 20 s is treated as gone.
    private const int KeepAliveSeconds = 5;
    private const uint KeepAliveCount = 3;

    private volatile bool _isConnected;

    /// <summary>Whether libvirt answers.</summary>
    public bool IsConnected => _isConnected;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        TimeSpan pause = FirstPause;
        bool reported = false;
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                using Connection connection = Connection.Open(uri);
                SetKeepAlive(connection);
                using DomainEventSubscription events = connection.WatchDomains();
                logger.LibvirtConnected(uri);
                _isConnected = true;
                (pause, reported) = (FirstPause, false);
                LookAtAll(connection);
                await FollowAsync(connection, events, cancellationToken).ConfigureAwait(false);
                logger.LibvirtLost(uri);
            }
            catch (LibvirtException error)
            {
                if (!reported)
                {
                    logger.LibvirtUnreachable(uri, error.Message);
                    reported = true;
                }
            }
            _isConnected = false;
            await Task.Delay(pause, clock, cancellationToken).ConfigureAwait(false);
            pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, LongestPause.Ticks));
        }
    }

    /// <summary>
    /// Looks at one running guest again, from outside the order of events: its annotation may have been set anew while its sidecar was ending, and
    /// the event of that was for the sidecar. By a connection of its own, as libvirt's calls wait. Any thread.
    /// </summary>
    public void LookAgain(Guid guest) => _ = Task.Run(() =>
    {
        try
        {
            using Connection connection = Connection.Open(uri);
            LookAt(connection, guest.ToString(), guest.ToString(), TimeSpan.Zero);
        }
        catch (LibvirtException error)
        {
            // When libvirt is back, all guests are looked at.
            logger.DomainUnreadable(guest.ToString(), error.Message);
        }
    });

    /// <summary>Whether the guest runs here and is annotated; true as well when libvirt does not answer. By a connection of its own. Any thread.</summary>
    public bool WantsSidecar(Guid guest)
    {
        try
        {
            using Connection connection = Connection.Open(uri);
            using Domain? domain = connection.FindByUuid(guest.ToString());
            return domain is not null && ReadActive(domain) is { } xml && !IncomingMarker.IsIn(xml) && ProtectAnnotation.TryParse(xml, out _, out _) is AnnotationOutcome.Valid;
        }
        catch (LibvirtException)
        {
            return true;
        }
    }

    private static void SetKeepAlive(Connection connection)
    {
        try
        {
            connection.SetKeepAlive(KeepAliveSeconds, KeepAliveCount);
        }
        catch (LibvirtException error) when (error.Code == LibvirtErrorCode.VIR_ERR_NO_SUPPORT)
        {
            // A driver inside this process (test:///) has no connection that could fall silent.
        }
    }

    private async Task FollowAsync(Connection connection, DomainEventSubscription events, CancellationToken cancellationToken)
    {
        await foreach (DomainEvent happened in events.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            switch (happened.Kind)
            {
                case DomainEventKind.Closed:
                    return;
                case DomainEventKind.Missed:
                    LookAtAll(connection);
                    break;
                // Our own report changes each second under another URI.
                case DomainEventKind.MetadataChange when happened.Text == HikaeNamespaces.Domain:
                    LookAt(connection, happened.Uuid, happened.Name, TimeSpan.Zero);
                    await RefreshAsync(happened.Uuid).ConfigureAwait(false);
                    break;
                case DomainEventKind.DeviceAdded or DomainEventKind.DeviceRemoved:
                    await RefreshAsync(happened.Uuid).ConfigureAwait(false);
                    break;
                case DomainEventKind.Lifecycle when happened.Event == (int)DomainLifecycle.Started:
                    LookAt(connection, happened.Uuid, happened.Name, SidecarSupervisor.Grace);
                    break;
                case DomainEventKind.Lifecycle when happened.Event == (int)DomainLifecycle.Stopped && Guid.TryParse(happened.Uuid, out Guid guest):
                    supervisor.Forget(guest);
                    break;
                default:
                    break;
            }
        }
    }

    private void LookAtAll(Connection connection)
    {
        foreach (Domain domain in connection.ListDomains(activeOnly: true))
        {
            using (domain)
            {
                LookAt(domain, SidecarSupervisor.Grace);
            }
        }
    }

    private void LookAt(Connection connection, string uuid, string name, TimeSpan grace)
    {
        try
        {
            using Domain? domain = connection.FindByUuid(uuid);
            if (domain is not null)
            {
                LookAt(domain, grace);
            }
        }
        catch (LibvirtException error) when (connection.IsAlive)
        {
            logger.DomainUnreadable(name, error.Message);
        }
    }

    private void LookAt(Domain domain, TimeSpan grace)
    {
        if (!Guid.TryParse(domain.Uuid, out Guid guest) || ReadActive(domain) is not { } xml)
        {
            return;
        }
        if (IncomingMarker.IsIn(xml))
        {
            supervisor.EnsureIncoming(guest);
            return;
        }
        switch (ProtectAnnotation.TryParse(xml, out _, out string? reason))
        {
            case AnnotationOutcome.Valid:
                supervisor.Ensure(guest, grace);
                break;
            case AnnotationOutcome.Malformed:
                logger.AnnotationMalformed(domain.Name, reason!);
                break;
            default:
                supervisor.CountAfresh(guest);
                break;
        }
    }

    // Null: it is not active. The state is asked after the XML: that of a domain which has ended in between is another, without the mark.
    private string? ReadActive(Domain domain)
    {
        try
        {
            string xml = domain.GetXml(DomainXmlFlags.None);
            return domain.GetState().State is DomainState.Shutoff or DomainState.Crashed ? null : xml;
        }
        catch (LibvirtException error) when (error.Code is LibvirtErrorCode.VIR_ERR_NO_DOMAIN or LibvirtErrorCode.VIR_ERR_OPERATION_TIMEOUT)
        {
            logger.DomainUnreadable(domain.Name, error.Message);
            return null;
        }
    }

    private async Task RefreshAsync(string uuid)
    {
        if (Guid.TryParse(uuid, out Guid guest) && registry.Connected(new SidecarKey(guest, GuestRole.Primary)) is RegisteredSidecar sidecar)
        {
            await sidecar.Connection.SendAsync(new Refresh()).ConfigureAwait(false);
        }
    }
}
