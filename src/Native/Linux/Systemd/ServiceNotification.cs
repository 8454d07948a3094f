// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using System.Text;

namespace Hikae.Native.Linux.Systemd;

/// <summary>Tells the service manager how this process stands, as sd_notify(3) does. Does nothing where nobody asked.</summary>
public static class ServiceNotification
{
    public const string Variable = "NOTIFY_SOCKET";

    /// <param name="state">For example <c>READY=1</c>.</param>
    /// <param name="address">NOTIFY_SOCKET's value; a leading @ means an abstract socket.</param>
    public static void Send(string state, string? address)
    {
        if (string.IsNullOrEmpty(address))
        {
            return;
        }
        using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        string path = address[0] == '@' ? '\0' + address[1..] : address;
        socket.SendTo(Encoding.UTF8.GetBytes(state), new UnixDomainSocketEndPoint(path));
    }
}
