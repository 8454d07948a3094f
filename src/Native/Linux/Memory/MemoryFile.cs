// SPDX-License-Identifier: LGPL-2.1-or-later
using Microsoft.Win32.SafeHandles;

namespace Hikae.Native.Linux;

/// <summary>A file without a name that lives in memory (memfd), for handing bytes between processes by descriptor.</summary>
/// <remarks>
/// QEMU takes a file to write to only if the descriptor is open for writing and for nothing else, which the descriptor of a memfd is not;
/// <see cref="OpenWriteOnly"/> opens the same file again that way. A duplicate that another process received shares its position with the
/// descriptor it was made from, so <see cref="Rewind"/> here also sets the position there.
/// </remarks>
public sealed class MemoryFile : IDisposable
{
    private MemoryFile(SafeFileHandle handle) => Handle = handle;

    /// <summary>Open for reading and writing; it belongs to this object.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Present size.</summary>
    public long LengthBytes => RandomAccess.GetLength(Handle);

    /// <param name="name">Seen in /proc/PID/fd as "memfd:name"; need not be unique.</param>
    public static MemoryFile Create(string name)
    {
        int descriptor = Syscall.memfd_create(name, Syscall.MFD_CLOEXEC);
        LinuxException.ThrowIfFailed(descriptor, "memfd_create");
        return new MemoryFile(new SafeFileHandle(descriptor, ownsHandle: true));
    }

    /// <summary>The same file, opened again for writing only, with a position of its own.</summary>
    public SafeFileHandle OpenWriteOnly()
    {
        bool added = false;
        try
        {
            Handle.DangerousAddRef(ref added);
            string path = $"/proc/self/fd/{Handle.DangerousGetHandle()}";
            int descriptor = Syscall.open(path, Syscall.O_WRONLY | Syscall.O_CLOEXEC, 0);
            LinuxException.ThrowIfFailed(descriptor, $"open {path}");
            return new SafeFileHandle(descriptor, ownsHandle: true);
        }
        finally
        {
            if (added)
            {
                Handle.DangerousRelease();
            }
        }
    }

    /// <summary>Makes the file empty and gives its memory back.</summary>
    public void Truncate() => RandomAccess.SetLength(Handle, 0);

    /// <summary>Reads at <paramref name="offset"/>, whatever the position of any descriptor. Fewer bytes than asked for: the file ends there.</summary>
    public int Read(long offset, Span<byte> destination)
    {
        int total = 0;
        while (total < destination.Length)
        {
            int read = RandomAccess.Read(Handle, destination[total..], offset + total);
            if (read == 0)
            {
                break;
            }

            total += read;
        }

        return total;
    }

    /// <summary>Sets the position of <paramref name="descriptor"/>, and of every duplicate of it in any process, to the start of the file.</summary>
    public static void Rewind(SafeFileHandle descriptor) =>
        LinuxException.ThrowIfFailed(Syscall.lseek(descriptor, 0, Syscall.SEEK_SET), "lseek");

    /// <inheritdoc/>
    public void Dispose() => Handle.Dispose();
}
