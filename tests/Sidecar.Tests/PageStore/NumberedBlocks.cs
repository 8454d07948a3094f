// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.PageStore;

namespace Hikae.Sidecar.Tests.PageStore;

/// <summary>Disks whose blocks hold their own number, again and again.</summary>
internal sealed class NumberedBlocks : IDiskBlocks
{
    public static byte[] Bytes(long block)
    {
        byte[] bytes = new byte[4096];
        Fill(block, bytes);
        return bytes;
    }

    /// <summary>The checks of neighbouring blocks.</summary>
    public static ulong[] Checks(long first, long count) => [.. Enumerable.Range(0, (int)count).Select(i => PageCheck.Of(Bytes(first + i)))];

    public bool TryRead(int disk, long block, int attempt, Span<byte> destination)
    {
        Fill(block, destination);
        return attempt == 0;
    }

    private static void Fill(long block, Span<byte> destination) =>
        System.Runtime.InteropServices.MemoryMarshal.Cast<byte, long>(destination).Fill(block);
}
