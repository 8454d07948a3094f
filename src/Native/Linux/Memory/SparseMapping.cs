// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Mono.Unix.Native;

namespace Hikae.Native.Linux;

/// <summary>A file whose bytes are used like memory, as <see cref="MappedFile"/>, but of any length and allocated part by part.</summary>
/// <remarks>
/// A part must be allocated before it is written: on a full tmpfs a write to a hole is a SIGBUS, which ends the process, while
/// <see cref="TryAllocate"/> says no. A span taken from here must not be used after <see cref="Dispose"/>.
/// </remarks>
public sealed unsafe class SparseMapping : IDisposable
{
    private const uint OwnerOnly = 0x180; // 0600

    private readonly MappingHandle _mapping;
    private readonly SafeFileHandle _file;
    private readonly string _path;

    private SparseMapping(MappingHandle mapping, SafeFileHandle file, string path, long lengthBytes)
    {
        _mapping = mapping;
        _file = file;
        _path = path;
        LengthBytes = lengthBytes;
    }

    /// <summary>The whole mapping.</summary>
    public long LengthBytes { get; }

    /// <summary>Opens the file, or creates it. An existing one keeps its bytes and is made this long if it is shorter; a longer one is mapped whole.</summary>
    /// <param name="path">Must not be a symbolic link. Only the owner may read or write the file afterwards.</param>
    /// <param name="lengthBytes">Address space, not memory.</param>
    public static SparseMapping OpenOrCreate(string path, long lengthBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(lengthBytes);
        int descriptor = Syscall.open(path, Syscall.O_RDWR | Syscall.O_CREAT | Syscall.O_CLOEXEC | Syscall.O_NOFOLLOW, OwnerOnly);
        LinuxException.ThrowIfFailed(descriptor, $"open {path}");
        var file = new SafeFileHandle(descriptor, ownsHandle: true);
        try
        {
            if (Mono.Unix.Native.Syscall.fchmod(descriptor, FilePermissions.S_IRUSR | FilePermissions.S_IWUSR) < 0)
            {
                throw new LinuxException($"fchmod {path}", (int)Stdlib.GetLastError());
            }

            long present = RandomAccess.GetLength(file);
            if (present < lengthBytes)
            {
                RandomAccess.SetLength(file, lengthBytes);
            }
            else
            {
                lengthBytes = present;
            }

            // SAFETY: a new mapping at an address of the kernel's choice; it replaces nothing.
            nint address = Syscall.mmap_file(
                0, (nuint)lengthBytes, Syscall.PROT_READ | Syscall.PROT_WRITE, Syscall.MAP_SHARED, file, 0);
            if (address == Syscall.MAP_FAILED)
            {
                LinuxException.ThrowLastError($"mmap {path}");
            }

            return new SparseMapping(new MappingHandle(address, (nuint)lengthBytes), file, path, lengthBytes);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The bytes from <paramref name="offset"/> on.</summary>
    public Span<byte> Slice(long offset, int lengthBytes)
    {
        if (offset < 0 || lengthBytes < 0 || offset > LengthBytes - lengthBytes)
        {
            throw new ArgumentOutOfRangeException(
                nameof(offset), $"{lengthBytes} bytes at {offset} are not inside the {LengthBytes} bytes of {_path}.");
        }

        // SAFETY: the range lies inside the mapping.
        return new Span<byte>((byte*)_mapping.Address + offset, lengthBytes);
    }

    /// <summary>Gives a part memory, so that it can be written. What was allocated before keeps its bytes. False: there is none left.</summary>
    public bool TryAllocate(long offset, long lengthBytes)
    {
        while (Syscall.fallocate(_file, 0, offset, lengthBytes) < 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            if (errno == Syscall.ENOSPC)
            {
                return false;
            }

            if (errno != Syscall.EINTR)
            {
                throw new LinuxException($"fallocate {_path}", errno);
            }
        }

        return true;
    }

    /// <summary>Gives a part's memory back. It reads as zeros, and must be allocated again before it is written.</summary>
    public void Release(long offset, long lengthBytes) => LinuxException.ThrowIfFailed(
        Syscall.fallocate(_file, Syscall.FALLOC_FL_PUNCH_HOLE | Syscall.FALLOC_FL_KEEP_SIZE, offset, lengthBytes), $"fallocate(PUNCH_HOLE) {_path}");

    /// <inheritdoc/>
    public void Dispose()
    {
        _mapping.Dispose();
        _file.Dispose();
    }
}
