// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hikae.Native.Linux;

/// <summary>A file or a block device, read and written at given places, with what disks need beyond that: holes, zeros, fdatasync, reads that never wait, byte locks.</summary>
/// <remarks>Any thread may call. Failures are <see cref="LinuxException"/> with the error number of the C library.</remarks>
public sealed unsafe class StorageFile : IDisposable
{
    private readonly SafeFileHandle _handle;
    private readonly string _path;

    private StorageFile(SafeFileHandle handle, string path, FileIdentity identity, bool isBlockDevice)
    {
        _handle = handle;
        _path = path;
        Identity = identity;
        IsBlockDevice = isBlockDevice;
    }

    /// <summary>Which file was opened. The path may name another one by now.</summary>
    public FileIdentity Identity { get; }

    /// <summary>Its length is fixed, and zeros and discards are its driver's business.</summary>
    public bool IsBlockDevice { get; }

    /// <summary>Present length; of a device its size.</summary>
    // The descriptor's position is ours alone and nothing else depends on it.
    public long LengthBytes
    {
        get
        {
            long end = Syscall.lseek(_handle, 0, Syscall.SEEK_END);
            LinuxException.ThrowIfFailed(end, $"lseek {_path}");
            return end;
        }
    }

    /// <summary>Opens what exists, for reading and writing.</summary>
    public static StorageFile Open(string path)
    {
        int descriptor = Syscall.open(path, Syscall.O_RDWR | Syscall.O_CLOEXEC, 0);
        LinuxException.ThrowIfFailed(descriptor, $"open {path}");
        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        if (Mono.Unix.Native.Syscall.fstat(descriptor, out Mono.Unix.Native.Stat stat) < 0)
        {
            var error = new LinuxException($"fstat {path}", Marshal.GetLastPInvokeError());
            handle.Dispose();
            throw error;
        }
        bool device = (stat.st_mode & Mono.Unix.Native.FilePermissions.S_IFMT) == Mono.Unix.Native.FilePermissions.S_IFBLK;
        return new StorageFile(handle, path, new FileIdentity(stat.st_dev, stat.st_ino), device);
    }

    /// <summary>The same file once more, whatever its path names by now: with a place, advice and locks of its own.</summary>
    public StorageFile OpenAgain()
    {
        int descriptor = Syscall.open($"/proc/self/fd/{_handle.DangerousGetHandle()}", Syscall.O_RDWR | Syscall.O_CLOEXEC, 0);
        LinuxException.ThrowIfFailed(descriptor, $"open {_path} again");
        return new StorageFile(new SafeFileHandle(descriptor, ownsHandle: true), _path, Identity, IsBlockDevice);
    }

    /// <summary>Reads as much as there is, up to all of <paramref name="destination"/>. Fewer bytes: the file ends there.</summary>
    public int Read(long offset, Span<byte> destination)
    {
        int total = 0;
        fixed (byte* start = destination)
        {
            while (total < destination.Length)
            {
                // SAFETY: the buffer is pinned and this long from there on.
                nint read = Syscall.pread(_handle, start + total, (nuint)(destination.Length - total), offset + total);
                if (read < 0)
                {
                    ContinueIfInterrupted("pread");
                    continue;
                }

                if (read == 0)
                {
                    break;
                }

                total += (int)read;
            }
        }

        return total;
    }

    /// <summary>Reads only what is in memory already. -1: not all of it is, or the file system cannot tell. Fewer bytes: as with <see cref="Read"/>, or the rest is not in memory.</summary>
    public int ReadCached(long offset, Span<byte> destination)
    {
        fixed (byte* start = destination)
        {
            var vector = new Syscall.iovec { iov_base = start, iov_len = (nuint)destination.Length };

            // SAFETY: the buffer is pinned and as long as the vector says.
            return (int)Syscall.preadv2(_handle, &vector, 1, offset, Syscall.RWF_NOWAIT);
        }
    }

    /// <summary>Writes all of it. Past its end a file grows.</summary>
    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        int total = 0;
        fixed (byte* start = data)
        {
            while (total < data.Length)
            {
                // SAFETY: the buffer is pinned and this long from there on.
                nint written = Syscall.pwrite(_handle, start + total, (nuint)(data.Length - total), offset + total);
                if (written < 0)
                {
                    ContinueIfInterrupted("pwrite");
                    continue;
                }

                total += (int)written;
            }
        }
    }

    /// <summary>All that was written is durable when this returns, and so is the file's length.</summary>
    public void Flush()
    {
        while (Syscall.fdatasync(_handle) < 0)
        {
            ContinueIfInterrupted("fdatasync");
        }
    }

    /// <summary>Frees the space of a file's part, which reads as zeros from now on; its length stays. False: its file system cannot.</summary>
    public bool TryPunchHole(long offset, long lengthBytes) =>
        TryAllocate("fallocate(PUNCH_HOLE)", Syscall.FALLOC_FL_PUNCH_HOLE | Syscall.FALLOC_FL_KEEP_SIZE, offset, lengthBytes);

    /// <summary>Makes a file's part zeros that own their space; past its end it grows. False: its file system cannot.</summary>
    public bool TryZeroRange(long offset, long lengthBytes) => TryAllocate("fallocate(ZERO_RANGE)", Syscall.FALLOC_FL_ZERO_RANGE, offset, lengthBytes);

    /// <summary>Tells a block device that it may forget this part. False: it cannot.</summary>
    public bool TryDiscard(long offset, long lengthBytes) => TryDeviceRange("BLKDISCARD", Syscall.BLKDISCARD, offset, lengthBytes);

    /// <summary>Makes a block device's part zeros. False: it cannot do that by itself, or not in these bounds.</summary>
    public bool TryZeroOut(long offset, long lengthBytes) => TryDeviceRange("BLKZEROOUT", Syscall.BLKZEROOUT, offset, lengthBytes);


    /// <summary>The first place from <paramref name="offset"/> on that holds data, or the end of the file. Where the file system cannot tell: <paramref name="offset"/> itself.</summary>
    public long NextData(long offset)
    {
        long found = Syscall.lseek(_handle, offset, Syscall.SEEK_DATA);
        return found >= 0 ? found : Marshal.GetLastPInvokeError() == Syscall.ENXIO ? Math.Max(offset, LengthBytes) : offset;
    }

    /// <summary>The first place from <paramref name="offset"/> on that is a hole, or the end of the file.</summary>
    public long NextHole(long offset)
    {
        long found = Syscall.lseek(_handle, offset, Syscall.SEEK_HOLE);
        return found >= 0 ? found : Math.Max(offset, LengthBytes);
    }

    /// <summary>Writes back what this host's page cache holds of the file, then forgets it: another host may have written it.</summary>
    public void DropCache()
    {
        Flush();
        Advise(0, 0, Syscall.POSIX_FADV_DONTNEED);
    }

    /// <summary>Forgets what this host's page cache holds of this part, but for what must still be written back.</summary>
    public void DropCached(long offset, long lengthBytes) => Advise(offset, lengthBytes, Syscall.POSIX_FADV_DONTNEED);

    /// <summary>Nothing beyond what is asked for is read ahead, by this object.</summary>
    public void ReadNoFurther() => Advise(0, 0, Syscall.POSIX_FADV_RANDOM);

    /// <summary>Takes a shared lock on one byte, one that belongs to this open file and not to the process (OFD). False: somebody has it for himself.</summary>
    public bool TryShareByte(long offset)
    {
        if (SetLock(Syscall.F_RDLCK, offset, 1) == 0)
        {
            return true;
        }

        int errno = Marshal.GetLastPInvokeError();
        return errno is Syscall.EAGAIN or Syscall.EACCES ? false : throw new LinuxException($"fcntl(F_OFD_SETLK) {_path}", errno);
    }

    /// <summary>Gives up every byte lock.</summary>
    public void UnlockBytes() => LinuxException.ThrowIfFailed(SetLock(Syscall.F_UNLCK, 0, 0), $"fcntl(F_OFD_SETLK) {_path}");

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private void Advise(long offset, long lengthBytes, int advice)
    {
        int errno = Syscall.posix_fadvise(_handle, offset, lengthBytes, advice);
        if (errno != 0)
        {
            throw new LinuxException($"posix_fadvise {_path}", errno);
        }
    }

    private int SetLock(short type, long offset, long lengthBytes)
    {
        var range = new Syscall.flock { l_type = type, l_whence = Syscall.SEEK_SET, l_start = offset, l_len = lengthBytes };

        // SAFETY: one flock, a local, until the call returns.
        return Syscall.fcntl_lock(_handle, Syscall.F_OFD_SETLK, &range);
    }

    private bool TryAllocate(string function, int mode, long offset, long lengthBytes)
    {
        while (Syscall.fallocate(_handle, mode, offset, lengthBytes) < 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            if (errno == Syscall.EOPNOTSUPP)
            {
                return false;
            }

            if (errno != Syscall.EINTR)
            {
                throw new LinuxException($"{function} {_path}", errno);
            }
        }

        return true;
    }

    private bool TryDeviceRange(string function, nuint request, long offset, long lengthBytes)
    {
        ulong* range = stackalloc ulong[2] { (ulong)offset, (ulong)lengthBytes };

        // SAFETY: the kernel reads two numbers of a local.
        if (Syscall.ioctl(_handle, request, range) == 0)
        {
            return true;
        }

        // EINVAL: not in whole sectors.
        int errno = Marshal.GetLastPInvokeError();
        return errno is Syscall.EOPNOTSUPP or Syscall.EINVAL ? false : throw new LinuxException($"{function} {_path}", errno);
    }

    private void ContinueIfInterrupted(string function)
    {
        int errno = Marshal.GetLastPInvokeError();
        if (errno != Syscall.EINTR)
        {
            Throw(function, errno);
        }
    }

    [DoesNotReturn]
    private void Throw(string function, int errno) => throw new LinuxException($"{function} {_path}", errno);
}
