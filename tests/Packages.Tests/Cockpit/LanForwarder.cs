// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net;
using System.Net.Sockets;
using Hikae.Harness.Labs;

namespace Hikae.Packages.Tests.Cockpit;

/// <summary>A port of this machine behind which a lab host's port is: a browser has no way into the lab's network.</summary>
internal sealed class LanForwarder : IDisposable
{
    private readonly Lab _lab;
    private readonly IPEndPoint _target;
    private readonly TcpListener _listener;

    /// <param name="lab">The lab.</param>
    /// <param name="own">A loopback address. Cookies belong to an address and not to a port: each host needs one of its own.</param>
    /// <param name="target">The host's address on the LAN, and the port there.</param>
    public LanForwarder(Lab lab, IPAddress own, IPEndPoint target)
    {
        _lab = lab;
        _target = target;
        _listener = new TcpListener(own, 0);
        _listener.Start();
        _ = AcceptAsync();
    }

    /// <summary>Where a browser connects to.</summary>
    public EndPoint EndPoint => _listener.LocalEndpoint;

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ForwardAsync(await _listener.AcceptSocketAsync());
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The listener was disposed.
        }
    }

    private async Task ForwardAsync(Socket near)
    {
        using Socket far = _lab.ClientSocket();
        using (near)
        {
            try
            {
                await far.ConnectAsync(_target);
                await using var nearStream = new NetworkStream(near);
                await using var farStream = new NetworkStream(far);
                await Task.WhenAny(nearStream.CopyToAsync(farStream), farStream.CopyToAsync(nearStream));
            }
            catch (Exception e) when (e is SocketException or IOException)
            {
                // Both ends see that the connection is gone.
            }
        }
    }
}
