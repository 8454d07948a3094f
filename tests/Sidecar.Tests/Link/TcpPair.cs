// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net;
using System.Net.Sockets;

namespace Hikae.Sidecar.Tests.Link;

/// <summary>Two connected sockets over loopback.</summary>
internal sealed class TcpPair : IDisposable
{
    public TcpPair()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        Primary = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Primary.Connect(listener.LocalEndpoint);
        Backup = listener.AcceptSocket();
    }

    public Socket Primary { get; }

    public Socket Backup { get; }

    public void Dispose()
    {
        Primary.Dispose();
        Backup.Dispose();
    }
}
