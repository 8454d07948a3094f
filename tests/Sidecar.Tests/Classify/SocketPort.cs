// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Guest;

namespace Hikae.Sidecar.Tests.Classify;

/// <summary>The agent's port, made of a socket instead of a virtio device.</summary>
internal sealed class SocketPort(Socket socket) : IHostPort
{
    public int Read(Span<byte> buffer)
    {
        int read = socket.Receive(buffer, SocketFlags.None, out SocketError error);
        return read > 0 ? read : throw new IOException($"the host end is closed ({error})");
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int sent = socket.Send(bytes, SocketFlags.None, out SocketError error);
            bytes = error == SocketError.Success ? bytes[sent..] : throw new IOException($"the host end is closed ({error})");
        }
    }

    public void Dispose() => socket.Dispose();
}
