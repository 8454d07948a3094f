// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Hikae.Native.Linux;

/// <summary>Who is at the other end of a unix socket.</summary>
public static class PeerCredentials
{
    /// <summary>Process, user and group of the peer at the time it connected (SO_PEERCRED). The process may be gone by now; user and group cannot be forged.</summary>
    public static (int Pid, uint Uid, uint Gid) Get(Socket socket)
    {
        Span<byte> bytes = stackalloc byte[12];
        int length = socket.GetRawSocketOption(Syscall.SOL_SOCKET, Syscall.SO_PEERCRED, bytes);
        Syscall.ucred peer = MemoryMarshal.Read<Syscall.ucred>(bytes[..length]);
        return (peer.pid, peer.uid, peer.gid);
    }
}
