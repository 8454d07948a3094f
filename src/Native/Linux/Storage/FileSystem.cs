// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;
using Mono.Unix.Native;

namespace Hikae.Native.Linux;

/// <summary>The mounted file system that a file is on.</summary>
public static class FileSystem
{
    /// <summary>Its number (st_dev of stat(2)): the same for all files of one, as long as it is mounted.</summary>
    /// <exception cref="LinuxException">There is no such file, or it cannot be looked at.</exception>
    public static ulong Of(string path)
    {
        if (Mono.Unix.Native.Syscall.stat(path, out Stat stat) < 0)
        {
            throw new LinuxException($"stat {path}", Marshal.GetLastPInvokeError());
        }
        return stat.st_dev;
    }
}
