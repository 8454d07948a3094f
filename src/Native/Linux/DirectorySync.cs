// SPDX-License-Identifier: LGPL-2.1-or-later
using Microsoft.Win32.SafeHandles;

namespace Hikae.Native.Linux;

/// <summary>fsync(2) of a directory, which .NET cannot open: names made and removed in it survive a power cut.</summary>
public static class DirectorySync
{
    /// <exception cref="IOException">The directory cannot be opened or written back.</exception>
    public static void Flush(string directory)
    {
        try
        {
            int descriptor = Syscall.open(directory, Syscall.O_RDONLY | Syscall.O_DIRECTORY | Syscall.O_CLOEXEC, 0);
            LinuxException.ThrowIfFailed(descriptor, "open");
            using var handle = new SafeFileHandle(descriptor, ownsHandle: true);
            LinuxException.ThrowIfFailed(Syscall.fsync(handle), "fsync");
        }
        catch (LinuxException error)
        {
            throw new IOException($"{directory}: {error.Message}", error);
        }
    }
}
