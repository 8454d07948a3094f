// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Numerics;

namespace Hikae.Native.Linux;

/// <summary>On which processors a thread, of any process, may run: sched_setaffinity(2).</summary>
public static unsafe class ThreadAffinity
{
    // As the C library's cpu_set_t; on a host with more processors the calls fail.
    private const int Words = 16;

    /// <summary>Every processor that a thread's control group has.</summary>
    public static ulong[] Everywhere { get; } = [.. Enumerable.Repeat(ulong.MaxValue, Words)];

    /// <summary>One bit for each processor, the first in the lowest bit of the first word.</summary>
    /// <exception cref="LinuxException">ESRCH: there is no such thread. EINVAL: this host has more than 1024 processors.</exception>
    public static ulong[] Of(int thread)
    {
        ulong[] mask = new ulong[Words];
        fixed (ulong* start = mask)
        {
            // SAFETY: pinned, and the kernel writes at most its length.
            LinuxException.ThrowIfFailed(Syscall.sched_getaffinity(thread, Words * sizeof(ulong), start), "sched_getaffinity");
        }
        return mask;
    }

    /// <summary>Lets a thread run there and nowhere else. A running thread has moved when this returns.</summary>
    /// <exception cref="LinuxException">ESRCH: there is no such thread. EINVAL: its control group has none of these processors.</exception>
    public static void Set(int thread, ReadOnlySpan<ulong> mask)
    {
        fixed (ulong* start = mask)
        {
            // SAFETY: pinned, and the kernel reads its length.
            LinuxException.ThrowIfFailed(Syscall.sched_setaffinity(thread, (nuint)(mask.Length * sizeof(ulong)), start), "sched_setaffinity");
        }
    }

    /// <summary>The first processor that all have. Null: there is none.</summary>
    public static ulong[]? Common(IReadOnlyList<ulong[]> masks)
    {
        for (int word = 0; word < Words; word++)
        {
            ulong common = masks.Aggregate(ulong.MaxValue, (all, mask) => all & mask[word]);
            if (common != 0)
            {
                ulong[] one = new ulong[Words];
                one[word] = 1UL << BitOperations.TrailingZeroCount(common);
                return one;
            }
        }
        return null;
    }
}
