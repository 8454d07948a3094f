// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Guest;

/// <summary>Which bitmaps are wanted or sent. The numbers are the wire's.</summary>
[Flags]
public enum ScanContents : byte
{
    /// <summary>No bitmap: never valid in a request or an answer.</summary>
    None = 0,

    /// <summary>Pages that the guest's kernel has on its free lists.</summary>
    Free = 1,

    /// <summary>Clean page cache by its flags: a hint, never a proof.</summary>
    Cache = 2,

    /// <summary>Both, free first.</summary>
    Both = Free | Cache,
}
