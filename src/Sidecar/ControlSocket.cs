// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Protocol.Control;

namespace Hikae.Sidecar;

/// <summary>A question to the daemon on a connection of its own, as commands ask; no descriptors come with the answers.</summary>
internal static class ControlSocket
{
    /// <summary>Connects. Whoever gets it disposes it.</summary>
    /// <param name="path">The daemon's control socket.</param>
    /// <param name="patience">Longest wait for one message; null: for ever.</param>
    /// <exception cref="SocketException">No daemon listens there.</exception>
    public static Socket Connect(string path, TimeSpan? patience = null)
    {
        int milliseconds = (int)(patience?.TotalMilliseconds ?? 0);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = milliseconds, SendTimeout = milliseconds };
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>What the daemon says, until it closes the connection.</summary>
    /// <exception cref="SocketException">The connection broke, or nothing came in time.</exception>
    /// <exception cref="ControlProtocolException">That was no message.</exception>
    public static IEnumerable<ControlMessage> Receive(Socket control)
    {
        byte[] buffer = new byte[ControlLimits.PrefixBytes + ControlLimits.MaxRequestBytes];
        int filled = 0;
        while (control.Receive(buffer.AsSpan(filled)) is > 0 and var read)
        {
            filled += read;
            while (ControlFrame.TryRead(buffer.AsSpan(0, filled), out ControlMessage message, out int consumed, ControlLimits.MaxRequestBytes))
            {
                buffer.AsSpan(consumed, filled - consumed).CopyTo(buffer);
                filled -= consumed;
                yield return message;
            }
        }
    }
}
