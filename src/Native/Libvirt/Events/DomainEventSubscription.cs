// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using System.Threading.Channels;

namespace Hikae.Native.Libvirt;

/// <summary>The events of all domains of a connection, until it is disposed or libvirtd is gone.</summary>
public sealed unsafe class DomainEventSubscription : IConnectionListener
{
    private readonly EventQueue<DomainEvent> _queue = new(new DomainEvent(DomainEventKind.Missed, "", "", 0, 0, null));
    private readonly Connection _connection;
    private readonly ConnectHandle _handle;
    private readonly List<int> _registrations = [];
    private int _disposed;

    internal DomainEventSubscription(Connection connection)
    {
        _connection = connection;
        _handle = connection.Handle.AddReference();
        try
        {
            // SAFETY: each callback has the signature that libvirt-domain.h gives for its event.
            Register(LibvirtApi.VIR_DOMAIN_EVENT_ID_LIFECYCLE, (delegate* unmanaged<nint, nint, int, int, nint, int>)&OnLifecycle);
            Register(LibvirtApi.VIR_DOMAIN_EVENT_ID_REBOOT, (delegate* unmanaged<nint, nint, nint, void>)&OnReboot);
            Register(
                LibvirtApi.VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
                (delegate* unmanaged<nint, nint, int, byte*, nint, void>)&OnMetadataChange);
            Register(LibvirtApi.VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, (delegate* unmanaged<nint, nint, byte*, nint, void>)&OnDeviceAdded);
            Register(
                LibvirtApi.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, (delegate* unmanaged<nint, nint, byte*, nint, void>)&OnDeviceRemoved);
            Register(
                LibvirtApi.VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2, (delegate* unmanaged<nint, nint, byte*, int, int, nint, void>)&OnBlockJob);
            Register(
                LibvirtApi.VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE,
                (delegate* unmanaged<nint, nint, byte*, ulong, nint, void>)&OnMemoryDeviceSizeChange);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The events in the order in which they happened. Ends after <see cref="DomainEventKind.Closed"/> or Dispose.</summary>
    public ChannelReader<DomainEvent> Reader => _queue.Reader;

    void IConnectionListener.ConnectionClosed() =>
        _queue.Complete(new DomainEvent(DomainEventKind.Closed, "", "", 0, 0, null));

    /// <summary>No event comes after this; those that wait can still be read.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        foreach (int number in _registrations)
        {
            // It fails if libvirtd is gone; libvirt then frees the callback together with the connection.
            _ = LibvirtApi.virConnectDomainEventDeregisterAny(_handle, number);
        }

        _handle.Dispose();
        _queue.Complete(null);
        _connection.Forget(this);
    }

    private void Register(int eventId, void* callback) =>
        _registrations.Add(Callbacks.Register(
            _queue,
            opaque => LibvirtApi.virConnectDomainEventRegisterAny(_handle, 0, eventId, callback, opaque, &Callbacks.Free),
            nameof(LibvirtApi.virConnectDomainEventRegisterAny)));

    private static void Add(nint opaque, DomainEventKind kind, nint domain, int @event, int detail, byte* text)
    {
        // SAFETY: libvirt passes the handle we registered until it calls freecb, and lends domain and text for this call.
        var queue = (EventQueue<DomainEvent>)GCHandle.FromIntPtr(opaque).Target!;
        queue.Add(new DomainEvent(
            kind,
            Domain.ReadUuid(domain),
            LibvirtApi.virDomainGetName(domain) ?? "",
            @event,
            detail,
            Utf8StringMarshaller.ConvertToManaged(text)));
    }

    [UnmanagedCallersOnly]
    private static int OnLifecycle(nint conn, nint domain, int @event, int detail, nint opaque)
    {
        Add(opaque, DomainEventKind.Lifecycle, domain, @event, detail, null);
        return 0;
    }

    [UnmanagedCallersOnly]
    private static void OnReboot(nint conn, nint domain, nint opaque) => Add(opaque, DomainEventKind.Reboot, domain, 0, 0, null);

    [UnmanagedCallersOnly]
    private static void OnMetadataChange(nint conn, nint domain, int type, byte* uri, nint opaque) =>
        Add(opaque, DomainEventKind.MetadataChange, domain, type, 0, uri);

    [UnmanagedCallersOnly]
    private static void OnDeviceAdded(nint conn, nint domain, byte* alias, nint opaque) =>
        Add(opaque, DomainEventKind.DeviceAdded, domain, 0, 0, alias);

    [UnmanagedCallersOnly]
    private static void OnDeviceRemoved(nint conn, nint domain, byte* alias, nint opaque) =>
        Add(opaque, DomainEventKind.DeviceRemoved, domain, 0, 0, alias);

    [UnmanagedCallersOnly]
    private static void OnBlockJob(nint conn, nint domain, byte* disk, int type, int status, nint opaque) =>
        Add(opaque, DomainEventKind.BlockJob, domain, type, status, disk);

    [UnmanagedCallersOnly]
    private static void OnMemoryDeviceSizeChange(nint conn, nint domain, byte* alias, ulong size, nint opaque) =>
        Add(opaque, DomainEventKind.MemoryDeviceSizeChange, domain, 0, 0, alias);
}
