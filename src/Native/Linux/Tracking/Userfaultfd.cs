// SPDX-License-Identifier: LGPL-2.1-or-later
using Microsoft.Win32.SafeHandles;

namespace Hikae.Native.Linux;

/// <summary>Watches memory of the process that made the userfaultfd for writes. Nobody waits for us: the kernel lets each write pass and remembers it.</summary>
/// <remarks>
/// What was written is asked from <see cref="Pagemap"/>. The watch lasts as long as any descriptor of this userfaultfd is open in any process;
/// closing the last one takes every protection away. A stretch of memory can be watched by one userfaultfd only.
/// </remarks>
public sealed unsafe class Userfaultfd : IDisposable
{
    private readonly SafeFileHandle _handle;

    /// <param name="handle">From <see cref="UserfaultInjector.Attach(int, TimeSpan)"/>; it belongs to this object from now on.</param>
    public Userfaultfd(SafeFileHandle handle) => _handle = handle;

    /// <summary>Chooses asynchronous write protection. Once, before anything is registered.</summary>
    /// <remarks>Memory shared by file or memfd is asked for always: a kernel that has asynchronous protection (6.7) has that too.</remarks>
    /// <exception cref="LinuxException">EINVAL: the kernel is older than 6.7, or was built without write protection.</exception>
    public void EnableAsyncWriteProtect()
    {
        var api = new Syscall.uffdio_api
        {
            api = Syscall.UFFD_API,
            features = Syscall.UFFD_FEATURE_PAGEFAULT_FLAG_WP
                | Syscall.UFFD_FEATURE_WP_HUGETLBFS_SHMEM
                | Syscall.UFFD_FEATURE_WP_UNPOPULATED
                | Syscall.UFFD_FEATURE_WP_ASYNC,
        };

        // SAFETY: the kernel reads and writes one uffdio_api, a local.
        LinuxException.ThrowIfFailed(Syscall.ioctl(_handle, Syscall.UFFDIO_API, &api), "UFFDIO_API");
    }

    /// <summary>Begins to watch a mapped range. Nothing in it is protected yet: the first re-arming scan lists it as written.</summary>
    /// <param name="start">Page-aligned address in the process.</param>
    /// <param name="lengthBytes">Whole pages.</param>
    /// <exception cref="LinuxException">EBUSY: another userfaultfd watches a part of it. EINVAL: a part of it is not mapped.</exception>
    public void RegisterWriteProtect(ulong start, ulong lengthBytes)
    {
        var register = new Syscall.uffdio_register
        {
            range = new Syscall.uffdio_range { start = start, len = lengthBytes },
            mode = Syscall.UFFDIO_REGISTER_MODE_WP,
        };

        // SAFETY: the kernel reads and writes one uffdio_register, a local. The addresses are the other process's: they are checked there.
        if (Syscall.ioctl(_handle, Syscall.UFFDIO_REGISTER, &register) < 0)
        {
            LinuxException.ThrowLastError($"UFFDIO_REGISTER of {lengthBytes} bytes at 0x{start:x}");
        }
    }

    /// <summary>Ends the watch over a range.</summary>
    public void Unregister(ulong start, ulong lengthBytes)
    {
        var range = new Syscall.uffdio_range { start = start, len = lengthBytes };

        // SAFETY: the kernel reads one uffdio_range, a local.
        if (Syscall.ioctl(_handle, Syscall.UFFDIO_UNREGISTER, &range) < 0)
        {
            LinuxException.ThrowLastError($"UFFDIO_UNREGISTER of {lengthBytes} bytes at 0x{start:x}");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();
}
