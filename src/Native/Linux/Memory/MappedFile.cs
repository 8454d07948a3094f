// SPDX-License-Identifier: LGPL-2.1-or-later
using Microsoft.Win32.SafeHandles;
using Mono.Unix.Native;

namespace Hikae.Native.Linux;

/// <summary>A file whose bytes are used like memory. What was written is in the file at once, whatever becomes of this process.</summary>
/// <remarks>
/// It survives the death of the process, kill -9 included, because the pages belong to the file and not to the process. It does not
/// survive the host: nothing is flushed. A span taken from here must not be used after <see cref="Dispose"/>.
/// </remarks>
public sealed unsafe class MappedFile : IDisposable
{
    private const uint OwnerOnly = 0x180; // 0600

    private readonly MappingHandle _mapping;
    private readonly int _lengthBytes;

    private MappedFile(MappingHandle mapping, int lengthBytes)
    {
        _mapping = mapping;
        _lengthBytes = lengthBytes;
    }

    /// <summary>The file's bytes.</summary>
    // SAFETY: the mapping is this long, and the file was allocated to this length.
    public Span<byte> Span => new((void*)_mapping.Address, _lengthBytes);

    /// <summary>Opens the file, or creates it filled with zeros. An existing one keeps its bytes and is made exactly this long.</summary>
    /// <param name="path">Must not be a symbolic link. Only the owner may read or write the file afterwards.</param>
    /// <param name="lengthBytes">Allocated now, so that a full disk is an error here and not a SIGBUS at some later write.</param>
    public static MappedFile OpenOrCreate(string path, int lengthBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(lengthBytes);
        int descriptor = Syscall.open(path, Syscall.O_RDWR | Syscall.O_CREAT | Syscall.O_CLOEXEC | Syscall.O_NOFOLLOW, OwnerOnly);
        LinuxException.ThrowIfFailed(descriptor, $"open {path}");

        // The mapping keeps the file open by itself.
        using var file = new SafeFileHandle(descriptor, ownsHandle: true);
        if (Mono.Unix.Native.Syscall.fchmod((int)file.DangerousGetHandle(), FilePermissions.S_IRUSR | FilePermissions.S_IWUSR) < 0)
        {
            throw new LinuxException($"fchmod {path}", (int)Stdlib.GetLastError());
        }

        RandomAccess.SetLength(file, lengthBytes);
        int errno = Syscall.posix_fallocate(file, 0, lengthBytes);
        if (errno != 0)
        {
            throw new LinuxException($"posix_fallocate {path}", errno);
        }

        // SAFETY: a new mapping at an address of the kernel's choice; it replaces nothing.
        nint address = Syscall.mmap_file(
            0, (nuint)lengthBytes, Syscall.PROT_READ | Syscall.PROT_WRITE, Syscall.MAP_SHARED, file, 0);
        if (address == Syscall.MAP_FAILED)
        {
            LinuxException.ThrowLastError($"mmap {path}");
        }

        return new MappedFile(new MappingHandle(address, (nuint)lengthBytes), lengthBytes);
    }

    /// <inheritdoc/>
    public void Dispose() => _mapping.Dispose();
}
