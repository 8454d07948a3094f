// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Buffer;

/// <summary>A stretch of the disk whose newest content is in the buffer.</summary>
/// <param name="Start">First byte on the disk.</param>
/// <param name="End">The byte after the last.</param>
/// <param name="Kind">What the guest did to it last.</param>
/// <param name="Position">Of a Write: where in the buffer's file its first byte is.</param>
/// <param name="Address">The entry's place in the log; grows with time.</param>
internal readonly record struct OverlayInterval(long Start, long End, DiskWrite Kind, long Position, long Address)
{
    /// <summary>Reads as zeros.</summary>
    public bool IsZero => Kind is not DiskWrite.Write;

    /// <summary>The part before <paramref name="end"/>.</summary>
    public OverlayInterval Before(long end) => this with { End = end };

    /// <summary>The part from <paramref name="start"/> on.</summary>
    public OverlayInterval From(long start) => this with { Start = start, Position = Position + (start - Start) };
}
