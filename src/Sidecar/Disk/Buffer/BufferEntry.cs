// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Buffer;

/// <summary>One write in the buffer. Its bytes are the buffer's own: they stay for as long as the <see cref="EpochEntries"/> it came from.</summary>
internal readonly ref struct BufferEntry(DiskWrite kind, long offset, long length, ReadOnlySpan<byte> data)
{
    /// <summary>What the guest did.</summary>
    public DiskWrite Kind { get; } = kind;

    /// <summary>First byte on the disk.</summary>
    public long Offset { get; } = offset;

    /// <summary>Number of bytes on the disk.</summary>
    public long Length { get; } = length;

    /// <summary><see cref="Length"/> bytes of a <see cref="DiskWrite.Write"/>; empty otherwise.</summary>
    public ReadOnlySpan<byte> Data { get; } = data;
}
