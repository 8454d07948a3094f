// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;
using Mono.Unix.Native;

namespace Hikae.Native.Linux;

/// <summary>Which file it is, whatever its name.</summary>
/// <param name="FileSystem">st_dev of stat(2): the same for all files of a file system, as long as it is mounted.</param>
/// <param name="Inode">st_ino: stays with the file.</param>
public readonly record struct FileIdentity(ulong FileSystem, ulong Inode)
{
    /// <summary>Of the file that the path names. Null: there is none.</summary>
    /// <exception cref="LinuxException">It cannot be looked at.</exception>
    public static FileIdentity? Of(string path)
    {
        if (Mono.Unix.Native.Syscall.stat(path, out Stat stat) == 0)
        {
            return new FileIdentity(stat.st_dev, stat.st_ino);
        }
        int error = Marshal.GetLastPInvokeError();
        return error == Syscall.ENOENT ? null : throw new LinuxException($"stat {path}", error);
    }
}
