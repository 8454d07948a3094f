// SPDX-License-Identifier: LGPL-2.1-or-later
using System.IO.Hashing;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Hikae.Sidecar.Disk.Buffer;

/// <summary>Stands before each entry of the log, in the host's byte order.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct EntryHeader
{
    /// <summary>The open epoch holds a FLUSH.</summary>
    public const uint Flush = 0x100;

    /// <summary>The epoch <see cref="Offset"/> ends here.</summary>
    public const uint Seal = 0x101;

    /// <summary>Bytes of a header.</summary>
    public const int Bytes = 40;

    private const int HashedBytes = 32;
    private const int Alignment = 8;

    /// <summary>A <see cref="DiskWrite"/>, or one of the above.</summary>
    public uint Kind;

    /// <summary>Bytes that follow.</summary>
    public uint DataBytes;

    /// <summary>First byte on the disk.</summary>
    public long Offset;

    /// <summary>Number of bytes on the disk.</summary>
    public long Length;

    /// <summary>XxHash3 of the bytes that follow; 0 when there are none.</summary>
    public ulong DataHash;

    /// <summary>XxHash3 of the above, seeded with the place in the log, so that what a segment held in an earlier life is not mistaken for an entry.</summary>
    public ulong HeaderHash;

    /// <summary>With what follows, and padding.</summary>
    public readonly int EntryBytes => EntryBytesOf((int)DataBytes);

    /// <summary>Bytes of an entry with this much data.</summary>
    public static int EntryBytesOf(int dataBytes) => (Bytes + dataBytes + Alignment - 1) & ~(Alignment - 1);

    /// <summary>Fills in both hashes.</summary>
    public void Sign(ReadOnlySpan<byte> data, long address)
    {
        DataHash = data.IsEmpty ? 0 : XxHash3.HashToUInt64(data);
        HeaderHash = Hash(address);
    }

    /// <summary>This was written whole at <paramref name="address"/>; says nothing about the data.</summary>
    public bool IsSignedFor(long address) => HeaderHash == Hash(address);

    /// <summary>These are the data that were written with it.</summary>
    public readonly bool Signs(ReadOnlySpan<byte> data) => DataHash == (data.IsEmpty ? 0 : XxHash3.HashToUInt64(data));

    private ulong Hash(long address) =>
        XxHash3.HashToUInt64(MemoryMarshal.AsBytes(new ReadOnlySpan<EntryHeader>(ref Unsafe.AsRef(ref this)))[..HashedBytes], address);
}
