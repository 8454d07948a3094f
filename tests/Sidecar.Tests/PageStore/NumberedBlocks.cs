// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.PageStore;

namespace Hikae.Sidecar.Tests.PageStore;

/// <summary>Disks whose blocks hold their own number, again and again.</summary>
internal sealed class NumberedBlocks : IDiskBlocks
{
    public static byte[] Bytes(long block)
    {
        byte[] bytes = new byte[4096];
        new NumberedBlocks().Read(0, block, bytes);
        return bytes;
    }

    public void Read(int disk, long block, Span<byte> destination) =>
        System.Runtime.InteropServices.MemoryMarshal.Cast<byte, long>(destination).Fill(block);
}
