// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics.CodeAnalysis;

namespace Hikae.Native.Linux;

/// <summary>Reads the memory of another process, without stopping it and without its help.</summary>
public static unsafe class ProcessMemory
{
    /// <summary>Copies <paramref name="ranges"/> of the process, one after the other, to <paramref name="destination"/>.</summary>
    /// <param name="pid">The process. Reading it needs the right to trace it.</param>
    /// <param name="ranges">Any number of ranges, in any order; they go to the kernel 1024 at a time.</param>
    /// <param name="destination">Exactly as long as all ranges together.</param>
    /// <exception cref="LinuxException">ESRCH: the process has ended. EFAULT: the address in the text is not mapped.</exception>
    public static void Read(int pid, ReadOnlySpan<MemoryRange> ranges, Span<byte> destination)
    {
        ulong left = (ulong)destination.Length;
        foreach (MemoryRange range in ranges)
        {
            // Compared one by one, because a sum could overflow.
            if (range.LengthBytes > left)
            {
                ThrowLengths(destination.Length);
            }

            left -= range.LengthBytes;
        }

        if (left != 0)
        {
            ThrowLengths(destination.Length);
        }

        while (!ranges.IsEmpty)
        {
            ReadOnlySpan<MemoryRange> batch = ranges[..Math.Min(ranges.Length, Syscall.UIO_MAXIOV)];
            int wanted = 0;
            foreach (MemoryRange range in batch)
            {
                wanted += (int)range.LengthBytes;
            }

            ReadBatch(pid, batch, destination[..wanted]);
            destination = destination[wanted..];
            ranges = ranges[batch.Length..];
        }
    }

    private static void ReadBatch(int pid, ReadOnlySpan<MemoryRange> batch, Span<byte> destination)
    {
        fixed (byte* start = destination)
        fixed (MemoryRange* remote = batch)
        {
            var local = new Syscall.iovec { iov_base = start, iov_len = (nuint)destination.Length };

            // SAFETY: both buffers stay pinned until the call returns, and the kernel writes at most local.iov_len bytes to ours.
            // MemoryRange has the layout of iovec. The addresses are the other process's: the kernel checks them there.
            nint read = Syscall.process_vm_readv(pid, &local, 1, (Syscall.iovec*)remote, (nuint)batch.Length, 0);
            if (read < 0)
            {
                LinuxException.ThrowLastError($"process_vm_readv of process {pid} at 0x{batch[0].Address:x}");
            }

            if (read != destination.Length)
            {
                ThrowShortRead(pid, batch, (ulong)read);
            }
        }
    }

    [DoesNotReturn]
    private static void ThrowShortRead(int pid, ReadOnlySpan<MemoryRange> batch, ulong read)
    {
        int i = 0;
        while (read >= batch[i].LengthBytes)
        {
            read -= batch[i].LengthBytes;
            i++;
        }

        throw new LinuxException($"process_vm_readv of process {pid} at 0x{batch[i].Address + read:x}", Syscall.EFAULT);
    }

    [DoesNotReturn]
    private static void ThrowLengths(int destinationLength) =>
        throw new ArgumentException($"The ranges do not add up to the {destinationLength} bytes of the destination.");
}
