// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;
using Mono.Unix.Native;

namespace Hikae.Native.Linux;

/// <summary>The user and group a file belongs to.</summary>
/// <param name="User">uid.</param>
/// <param name="Group">gid.</param>
public readonly record struct FileOwner(uint User, uint Group)
{
    /// <exception cref="LinuxException">There is no such file, or it cannot be looked at.</exception>
    public static FileOwner Of(string path)
    {
        if (Mono.Unix.Native.Syscall.stat(path, out Stat stat) < 0)
        {
            throw new LinuxException($"stat {path}", Marshal.GetLastPInvokeError());
        }
        return new FileOwner(stat.st_uid, stat.st_gid);
    }

    /// <summary>Gives the file to this owner.</summary>
    /// <exception cref="LinuxException">Not allowed, or no such file.</exception>
    public void Take(string path)
    {
        if (Mono.Unix.Native.Syscall.chown(path, User, Group) < 0)
        {
            throw new LinuxException($"chown {path}", Marshal.GetLastPInvokeError());
        }
    }
}
