// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Buffer;

/// <summary>A segment that holds a part of the log.</summary>
/// <param name="index">Its place in the file.</param>
/// <param name="chain">Its place in the log.</param>
internal sealed class BufferSegment(int index, long chain)
{
    public int Index { get; } = index;

    public long Chain { get; } = chain;

    /// <summary>Published bytes.</summary>
    public int Used { get; set; }

    /// <summary>Readers that still look at its bytes.</summary>
    public int Pins { get; set; }

    /// <summary>No part of the log any more; free as soon as nobody looks at it.</summary>
    public bool IsDropped { get; set; }
}
