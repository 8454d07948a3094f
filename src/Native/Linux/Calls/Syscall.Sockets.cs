// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Hikae.Native.Linux;

// sys/socket.h
internal static unsafe partial class Syscall
{
    internal const int SOL_SOCKET = 1;
    internal const int SO_TYPE = 3;
    internal const int SO_PEERCRED = 17;
    internal const int SCM_RIGHTS = 1;
    internal const int MSG_CTRUNC = 0x8;
    internal const int MSG_DONTWAIT = 0x40;
    internal const int MSG_NOSIGNAL = 0x4000;
    internal const int MSG_CMSG_CLOEXEC = 0x40000000;

    // sys/ioctl.h; for sockets its other name is SIOCOUTQ
    internal const int TIOCOUTQ = 0x5411;

    [StructLayout(LayoutKind.Sequential)]
    internal struct msghdr
    {
        internal void* msg_name;
        internal uint msg_namelen;
        internal iovec* msg_iov;
        internal nuint msg_iovlen;
        internal void* msg_control;
        internal nuint msg_controllen;
        internal int msg_flags;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct cmsghdr
    {
        internal nuint cmsg_len;
        internal int cmsg_level;
        internal int cmsg_type;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct ucred
    {
        internal int pid;
        internal uint uid;
        internal uint gid;
    }

    internal const int SOCK_CLOEXEC = 0x80000;
    internal const int SHUT_RDWR = 2;

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int accept4(SafeHandle socket, void* address, uint* addressLength, int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int shutdown(SafeHandle socket, int how);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint sendmsg(SafeSocketHandle socket, msghdr* message, int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint recvmsg(SafeSocketHandle socket, msghdr* message, int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint send(SafeHandle socket, void* bytes, nuint length, int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint recv(SafeHandle socket, void* bytes, nuint length, int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int ioctl(SafeSocketHandle socket, nuint request, int* argument);

    /// <summary>C's CMSG_ALIGN, a macro.</summary>
    internal static int CMSG_ALIGN(int length) => (length + 7) & ~7;

    /// <summary>C's CMSG_LEN, a macro.</summary>
    internal static int CMSG_LEN(int length) => CMSG_ALIGN(sizeof(cmsghdr)) + length;

    /// <summary>C's CMSG_SPACE, a macro.</summary>
    internal static int CMSG_SPACE(int length) => CMSG_ALIGN(sizeof(cmsghdr)) + CMSG_ALIGN(length);
}
