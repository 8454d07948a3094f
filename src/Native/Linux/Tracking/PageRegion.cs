// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;

namespace Hikae.Native.Linux;

/// <summary>Neighbouring pages of another process that are alike (struct page_region of linux/fs.h).</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly struct PageRegion
{
    /// <summary>Address of the first byte, in the other process.</summary>
    public ulong Start { get; init; }

    /// <summary>Address after the last byte.</summary>
    public ulong End { get; init; }

    /// <summary>What the pages have in common: PAGE_IS_ bits of linux/fs.h.</summary>
    public ulong Categories { get; init; }
}
