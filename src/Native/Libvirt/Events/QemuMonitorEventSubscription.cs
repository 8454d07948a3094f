// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using System.Threading.Channels;

namespace Hikae.Native.Libvirt;

/// <summary>QEMU's own events as libvirt hears them, until it is disposed or libvirtd is gone. Does not taint the domain.</summary>
public sealed unsafe class QemuMonitorEventSubscription : IConnectionListener
{
    private readonly EventQueue<MonitorEvent> _queue = new(MonitorEvent.Missed);
    private readonly Connection _connection;
    private readonly ConnectHandle _handle;
    private readonly int _registration = -1;
    private int _disposed;

    internal QemuMonitorEventSubscription(Connection connection, Domain? domain, string? eventName)
    {
        _connection = connection;
        _handle = connection.Handle.AddReference();
        bool held = false;
        try
        {
            domain?.Handle.DangerousAddRef(ref held);
            nint borrowed = domain?.Handle.DangerousGetHandle() ?? 0;

            // SAFETY: the callback has the signature of virConnectDomainQemuMonitorEventCallback; the domain is held for the call.
            _registration = Callbacks.Register(
                _queue,
                opaque => LibvirtQemuApi.virConnectDomainQemuMonitorEventRegister(
                    _handle, borrowed, eventName, &OnEvent, opaque, &Callbacks.Free, 0),
                nameof(LibvirtQemuApi.virConnectDomainQemuMonitorEventRegister));
        }
        catch
        {
            Dispose();
            throw;
        }
        finally
        {
            if (held)
            {
                domain!.Handle.DangerousRelease();
            }
        }
    }

    /// <summary>The events in the order in which QEMU sent them. Ends when libvirtd is gone, and at Dispose.</summary>
    public ChannelReader<MonitorEvent> Reader => _queue.Reader;

    void IConnectionListener.ConnectionClosed() => _queue.Complete(null);

    /// <summary>No event comes after this; those that wait can still be read.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        if (_registration >= 0)
        {
            // It fails if libvirtd is gone; libvirt then frees the callback together with the connection.
            _ = LibvirtQemuApi.virConnectDomainQemuMonitorEventDeregister(_handle, _registration);
        }

        _handle.Dispose();
        _queue.Complete(null);
        _connection.Forget(this);
    }

    [UnmanagedCallersOnly]
    private static void OnEvent(nint conn, nint domain, byte* name, long seconds, uint micros, byte* details, nint opaque)
    {
        // SAFETY: libvirt passes the handle we registered until it calls freecb, and lends domain and strings for this call.
        var queue = (EventQueue<MonitorEvent>)GCHandle.FromIntPtr(opaque).Target!;
        queue.Add(new MonitorEvent(
            Domain.ReadUuid(domain),
            Utf8StringMarshaller.ConvertToManaged(name) ?? "",
            seconds,
            micros,
            Utf8StringMarshaller.ConvertToManaged(details)));
    }
}
