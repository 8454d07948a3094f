// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Mono.Unix.Native;

namespace Hikae.Native.Linux;

/// <summary>Listening unix sockets to which one other user may connect, and nobody else.</summary>
public static class OwnedListener
{
    /// <summary>Replaces whatever lies at <paramref name="path"/>.</summary>
    /// <param name="path">Where; the folder exists.</param>
    /// <param name="owner">Whose user may connect, besides root; the group gets no right.</param>
    /// <param name="backlog">Connections that may wait to be accepted.</param>
    /// <exception cref="IOException">It cannot be made; the message names the path and the reason.</exception>
    public static Socket Open(string path, FileOwner owner, int backlog)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            File.Delete(path);
            // The folder may be the other user's: nothing here may follow a link put in the file's place. A socket's file gets the mode of the socket.
            if (Mono.Unix.Native.Syscall.fchmod((int)socket.Handle, FilePermissions.S_IRUSR | FilePermissions.S_IWUSR) < 0)
            {
                throw new LinuxException("fchmod", NativeConvert.FromErrno(Stdlib.GetLastError()));
            }
            socket.Bind(new UnixDomainSocketEndPoint(path));
            if (Mono.Unix.Native.Syscall.lchown(path, owner.User, owner.Group) < 0)
            {
                throw new LinuxException("lchown", NativeConvert.FromErrno(Stdlib.GetLastError()));
            }
            socket.Listen(backlog);
            return socket;
        }
        catch (Exception error)
        {
            socket.Dispose();
            // A path that is too long is an ArgumentException.
            throw new IOException($"{path}: {error.Message}", error);
        }
    }
}
