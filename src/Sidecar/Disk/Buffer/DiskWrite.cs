// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Buffer;

/// <summary>What a guest can do to a stretch of its disk. The numbers stand in the buffer's file and on the wire.</summary>
internal enum DiskWrite : byte
{
    Invalid = 0,

    /// <summary>These bytes.</summary>
    Write = 1,

    /// <summary>Zeros, and the image keeps the space.</summary>
    WriteZeroes = 2,

    /// <summary>The guest needs the content no more. Until it is in the image it reads as zeros; afterwards as the image has it.</summary>
    Trim = 3,

    /// <summary>Zeros, and the image may free the space.</summary>
    UnmapZeroes = 4,
}
