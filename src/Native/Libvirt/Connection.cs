// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Hikae.Native.Libvirt;

/// <summary>A connection to libvirtd. May be used from several threads; ends for good when libvirtd does.</summary>
/// <remarks>
/// A connection does not come back after libvirtd restarted: <see cref="Closed"/> completes, every call fails, and the owner
/// opens a new one. The guests run on meanwhile.
/// </remarks>
public sealed unsafe class Connection : IDisposable
{
    private readonly ConnectHandle _handle;
    private readonly ConcurrentDictionary<IConnectionListener, byte> _listeners = new();
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _anchorGate = new();
    private int _disposed;

    // guarded by _anchorGate; less than 0: none
    private int _anchor = -1;

    private Connection(ConnectHandle handle)
    {
        _handle = handle;

        // Weak, because not every driver calls freecb: with test:/// what leaks is then a handle and not a connection.
        GCHandle self = GCHandle.Alloc(this, GCHandleType.Weak);

        // SAFETY: both callbacks are static functions; opaque stays valid until libvirt calls freecb.
        if (LibvirtApi.virConnectRegisterCloseCallback(handle, &OnClosed, GCHandle.ToIntPtr(self), &Callbacks.Free) < 0)
        {
            var failure = LibvirtException.Last(nameof(LibvirtApi.virConnectRegisterCloseCallback));
            self.Free();
            throw failure;
        }
    }

    /// <summary>Completes when libvirtd goes away, and when this object is disposed.</summary>
    public Task Closed => _closed.Task;

    /// <summary>False: libvirtd is gone or silent beyond its keepalive.</summary>
    public bool IsAlive => Volatile.Read(ref _disposed) == 0 && LibvirtApi.virConnectIsAlive(_handle) == 1;

    /// <summary>The name of the host on which libvirtd runs, as libvirtd gives it.</summary>
    public string HostName => LibvirtException.ThrowIfNull(
        LibvirtApi.virConnectGetHostname(_handle), nameof(LibvirtApi.virConnectGetHostname));

    /// <summary>libvirtd's version: major * 1 000 000 + minor * 1 000 + release.</summary>
    public ulong LibraryVersion
    {
        get
        {
            LibvirtException.ThrowIfFailed(
                LibvirtApi.virConnectGetLibVersion(_handle, out nuint version), nameof(LibvirtApi.virConnectGetLibVersion));
            return version;
        }
    }

    internal ConnectHandle Handle => _handle;

    /// <summary>Opens a connection, for example to <c>qemu:///system</c>; starts the event loop if nobody did.</summary>
    public static Connection Open(string uri)
    {
        LibvirtEventLoop.Start();
        ConnectHandle handle = LibvirtException.ThrowIfNull(LibvirtApi.virConnectOpen(uri), nameof(LibvirtApi.virConnectOpen));
        try
        {
            return new Connection(handle);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Declares libvirtd dead after <paramref name="count"/> + 1 silent intervals; calls that wait for it fail then. Without this a
    /// call to a libvirtd that hangs waits for ever.
    /// </summary>
    public void SetKeepAlive(int intervalSeconds, uint count) => LibvirtException.ThrowIfFailed(
        LibvirtApi.virConnectSetKeepAlive(_handle, intervalSeconds, count), nameof(LibvirtApi.virConnectSetKeepAlive));

    /// <summary>Null: there is no such domain.</summary>
    public Domain? FindByUuid(string uuid) =>
        Found(LibvirtApi.virDomainLookupByUUIDString(_handle, uuid), nameof(LibvirtApi.virDomainLookupByUUIDString));

    /// <summary>Null: there is no such domain.</summary>
    public Domain? FindByName(string name) =>
        Found(LibvirtApi.virDomainLookupByName(_handle, name), nameof(LibvirtApi.virDomainLookupByName));

    /// <summary>The domains there are now. The caller disposes each.</summary>
    /// <param name="activeOnly">True: only those that have a QEMU.</param>
    public IReadOnlyList<Domain> ListDomains(bool activeOnly)
    {
        nint* array = null;

        // SAFETY: libvirt allocates the array and gives us it and one reference to each entry.
        int count = LibvirtApi.virConnectListAllDomains(
            _handle, &array, activeOnly ? LibvirtApi.VIR_CONNECT_LIST_DOMAINS_ACTIVE : 0);
        LibvirtException.ThrowIfFailed(count, nameof(LibvirtApi.virConnectListAllDomains));

        // Every pointer gets its owner before anything else can fail.
        var handles = new DomainHandle[count];
        for (int i = 0; i < count; i++)
        {
            handles[i] = new DomainHandle(array[i]);
        }

        NativeMemory.Free(array);
        return Array.ConvertAll(handles, handle => new Domain(handle));
    }

    /// <summary>Starts a domain from XML. If it has no definition it is gone when it stops.</summary>
    public Domain CreateXml(string xml, DomainCreateFlags flags) => new(LibvirtException.ThrowIfNull(
        LibvirtApi.virDomainCreateXML(_handle, xml, (uint)flags), nameof(LibvirtApi.virDomainCreateXML)));

    /// <summary>Gives a domain its definition, new or in place of the old one; starts nothing.</summary>
    public Domain DefineXml(string xml) => new(LibvirtException.ThrowIfNull(
        LibvirtApi.virDomainDefineXML(_handle, xml), nameof(LibvirtApi.virDomainDefineXML)));

    /// <summary>What libvirtd and QEMU offer, as XML. Null takes libvirtd's default.</summary>
    public string GetDomainCapabilities(string? emulator = null, string? architecture = null, string? machine = null, string? virtType = null) =>
        LibvirtException.ThrowIfNull(
            LibvirtApi.virConnectGetDomainCapabilities(_handle, emulator, architecture, machine, virtType, 0),
            nameof(LibvirtApi.virConnectGetDomainCapabilities));

    /// <summary>Events of all domains from now on. List the domains afterwards, so that none falls in between.</summary>
    public DomainEventSubscription WatchDomains()
    {
        Anchor();
        return Listen(new DomainEventSubscription(this));
    }

    /// <summary>QEMU's own events from now on.</summary>
    /// <param name="domain">Null: of every domain.</param>
    /// <param name="eventName">QEMU's name, such as <c>STOP</c> or <c>MIGRATION</c>; null: every event.</param>
    public QemuMonitorEventSubscription WatchMonitorEvents(Domain? domain, string? eventName)
    {
        Anchor();
        return Listen(new QemuMonitorEventSubscription(this, domain, eventName));
    }

    /// <summary>Ends all subscriptions and the connection. A domain of this connection may still be disposed later.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        foreach (IConnectionListener listener in _listeners.Keys)
        {
            listener.Dispose();
        }

        // A registered callback holds a reference: without this the connection would stay open for ever.
        lock (_anchorGate)
        {
            if (_anchor >= 0)
            {
                _ = LibvirtApi.virConnectDomainEventDeregisterAny(_handle, _anchor);
            }
        }
        _ = LibvirtApi.virConnectUnregisterCloseCallback(_handle, &OnClosed);
        _handle.Dispose();
        _closed.TrySetResult();
    }

    internal void Forget(IConnectionListener listener) => _listeners.TryRemove(listener, out _);

    private static Domain? Found(DomainHandle handle, string function)
    {
        if (!handle.IsInvalid)
        {
            return new Domain(handle);
        }

        if (LibvirtApi.virGetLastErrorCode() != LibvirtErrorCode.VIR_ERR_NO_DOMAIN)
        {
            LibvirtException.ThrowLast(function);
        }

        return null;
    }

    // libvirt sees whether anybody listens before it takes the lock of its queue (object_event.c, virObjectEventStateQueueRemote). An event that comes
    // while the last callback goes stays in a queue that has no timer, and nobody who registers later hears anything. So one callback stays.
    private void Anchor()
    {
        lock (_anchorGate)
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
            if (_anchor < 0)
            {
                // SAFETY: the callback is a static function that takes no opaque.
                _anchor = LibvirtApi.virConnectDomainEventRegisterAny(
                    _handle, 0, LibvirtApi.VIR_DOMAIN_EVENT_ID_CONTROL_ERROR, (delegate* unmanaged<nint, nint, nint, void>)&OnNothing, 0, null);
                LibvirtException.ThrowIfFailed(_anchor, nameof(LibvirtApi.virConnectDomainEventRegisterAny));
            }
        }
    }

    private T Listen<T>(T listener)
        where T : IConnectionListener
    {
        _listeners.TryAdd(listener, 0);

        // libvirtd or the owner may have gone while the subscription was made: nobody else would tell it.
        if (_closed.Task.IsCompleted)
        {
            listener.ConnectionClosed();
        }

        return listener;
    }

    [UnmanagedCallersOnly]
    private static void OnNothing(nint conn, nint domain, nint opaque)
    {
    }

    [UnmanagedCallersOnly]
    private static void OnClosed(nint conn, int reason, nint opaque)
    {
        if (GCHandle.FromIntPtr(opaque).Target is Connection connection)
        {
            // In this order, Listen misses nothing.
            connection._closed.TrySetResult();
            foreach (IConnectionListener listener in connection._listeners.Keys)
            {
                listener.ConnectionClosed();
            }
        }
    }
}
