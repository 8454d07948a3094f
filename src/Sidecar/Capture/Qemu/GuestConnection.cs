// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Libvirt;

namespace Hikae.Sidecar.Capture;

/// <summary>One guest at its libvirtd, across restarts of libvirtd: the guest runs on, and the connection is opened again when it is next needed.</summary>
internal sealed class GuestConnection : IDisposable
{
    private readonly string _uri;
    private readonly string _uuid;
    private readonly Lock _gate = new();

    // guarded by _gate
    private Connection? _connection;
    private Domain? _domain;

    public GuestConnection(string uri, string uuid)
    {
        _uri = uri;
        _uuid = uuid;
    }

    /// <summary>The open connection. Throws <see cref="LibvirtException"/> when libvirtd cannot be reached.</summary>
    public Connection Connection
    {
        get
        {
            lock (_gate)
            {
                return Open();
            }
        }
    }

    /// <summary>The guest. Throws <see cref="LibvirtException"/> when libvirtd cannot be reached, <see cref="NotProtectableException"/> when it has no such guest.</summary>
    public Domain Domain
    {
        get
        {
            lock (_gate)
            {
                Connection connection = Open();
                return _domain ??= connection.FindByUuid(_uuid) ?? throw new NotProtectableException($"libvirt has no guest with UUID {_uuid}");
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            Close();
        }
    }

    private Connection Open()
    {
        if (_connection is { IsAlive: false })
        {
            Close();
        }
        if (_connection is null)
        {
            _connection = Connection.Open(_uri);
            _connection.SetKeepAlive(intervalSeconds: 5, count: 3);
        }
        return _connection;
    }

    private void Close()
    {
        _domain?.Dispose();
        _domain = null;
        _connection?.Dispose();
        _connection = null;
    }
}
