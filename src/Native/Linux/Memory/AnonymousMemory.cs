// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;

namespace Hikae.Native.Linux;

/// <summary>A large stretch of memory outside the garbage collector's heap: it costs nothing where it was never touched, and can be given back in parts.</summary>
/// <remarks>
/// Reserved, not committed, so its length may exceed the host's memory. Huge pages are refused: with them one touched page would cost 2 MiB.
/// A span taken from here must not be used after <see cref="Dispose"/>: the address may then belong to something else.
/// </remarks>
public sealed unsafe class AnonymousMemory : IDisposable
{
    private const int PageBytes = 4096;

    private readonly MappingHandle _mapping;

    /// <param name="lengthBytes">Rounded up to whole pages by the kernel; reads as zero until written.</param>
    public AnonymousMemory(long lengthBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(lengthBytes);
        LengthBytes = lengthBytes;

        // SAFETY: a new mapping at an address of the kernel's choice; it replaces nothing.
        nint address = Syscall.mmap(
            0,
            (nuint)lengthBytes,
            Syscall.PROT_READ | Syscall.PROT_WRITE,
            Syscall.MAP_PRIVATE | Syscall.MAP_ANONYMOUS | Syscall.MAP_NORESERVE,
            -1,
            0);
        if (address == Syscall.MAP_FAILED)
        {
            LinuxException.ThrowLastError($"mmap of {lengthBytes} bytes");
        }

        _mapping = new MappingHandle(address, (nuint)lengthBytes);

        // EINVAL: a kernel built without huge pages, which is just what we want.
        if (Syscall.madvise(address, (nuint)lengthBytes, Syscall.MADV_NOHUGEPAGE) < 0 && Marshal.GetLastPInvokeError() != Syscall.EINVAL)
        {
            int errno = Marshal.GetLastPInvokeError();
            _mapping.Dispose();
            throw new LinuxException("madvise(MADV_NOHUGEPAGE)", errno);
        }
    }

    /// <summary>As asked for in the constructor.</summary>
    public long LengthBytes { get; }

    /// <summary>The bytes from <paramref name="offset"/> on.</summary>
    public Span<byte> Slice(long offset, int lengthBytes)
    {
        CheckRange(offset, lengthBytes);

        // SAFETY: the range lies inside the mapping.
        return new Span<byte>((byte*)_mapping.Address + offset, lengthBytes);
    }

    /// <summary>Gives whole pages back to the host. They read as zero from now on, until written again.</summary>
    /// <param name="offset">A multiple of 4096.</param>
    /// <param name="lengthBytes">A multiple of 4096, or up to the end.</param>
    public void Discard(long offset, long lengthBytes)
    {
        CheckRange(offset, lengthBytes);
        if (offset % PageBytes != 0 || (lengthBytes % PageBytes != 0 && offset + lengthBytes != LengthBytes))
        {
            throw new ArgumentException($"{lengthBytes} bytes at {offset} are not whole pages.");
        }

        // SAFETY: the range lies inside the mapping, which is ours alone; nobody relies on what it holds, says the caller.
        LinuxException.ThrowIfFailed(
            Syscall.madvise(_mapping.Address + (nint)offset, (nuint)lengthBytes, Syscall.MADV_DONTNEED), "madvise(MADV_DONTNEED)");
    }

    /// <inheritdoc/>
    public void Dispose() => _mapping.Dispose();

    private void CheckRange(long offset, long lengthBytes)
    {
        if (offset < 0 || lengthBytes < 0 || offset > LengthBytes - lengthBytes)
        {
            throw new ArgumentOutOfRangeException(
                nameof(offset), $"{lengthBytes} bytes at {offset} are not inside the {LengthBytes} bytes of this memory.");
        }
    }
}
