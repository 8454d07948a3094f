// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;

namespace Hikae.Native.Linux;

/// <summary>A stretch of another process's address space. Laid out like C's struct iovec, so that an array of it needs no conversion.</summary>
/// <param name="address">First byte, in the other process.</param>
/// <param name="lengthBytes">Number of bytes.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly struct MemoryRange(ulong address, ulong lengthBytes)
{
    /// <summary>First byte, in the other process.</summary>
    public ulong Address { get; } = address;

    /// <summary>Number of bytes.</summary>
    public ulong LengthBytes { get; } = lengthBytes;
}
