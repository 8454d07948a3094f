// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Images;

/// <summary>The bytes of a disk's image: a file, of whatever format, or a block device. Any thread may call.</summary>
/// <remarks>Errors of the storage are <see cref="IOException"/> or <see cref="Native.Linux.LinuxException"/>.</remarks>
internal interface IDiskImage : IDisposable
{
    /// <summary>Fills all of <paramref name="destination"/>; past the end of the image there are zeros.</summary>
    void Read(long offset, Span<byte> destination);

    /// <summary>As <see cref="Read"/>, but only if the bytes are in memory already. False: they are not, nothing useful was read.</summary>
    bool TryReadCached(long offset, Span<byte> destination);

    /// <summary>As <see cref="Read"/>, by one thread at a time, and what was not in memory before is not kept there.</summary>
    void ReadOnce(long offset, Span<byte> destination);

    /// <summary>What this host remembers of this part is read from the storage the next time, but for what must still be written.</summary>
    void DropCached(long offset, long length);

    /// <summary>Past its end a file grows; a device answers with an error.</summary>
    void Write(long offset, ReadOnlySpan<byte> data);

    /// <summary>Zeros from now on.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="length">Number of bytes.</param>
    /// <param name="mayUnmap">The image may free the space.</param>
    void WriteZeroes(long offset, long length, bool mayUnmap);

    /// <summary>The content is needed no more, its space may be freed. A hint: where the storage cannot, nothing happens.</summary>
    void Trim(long offset, long length);

    /// <summary>All that was written is durable when this returns (fdatasync).</summary>
    void Flush();

    /// <summary>Of the stretch that begins at <paramref name="offset"/>: how long it is, at most <paramref name="length"/>, and whether it is a hole.</summary>
    (long Length, bool IsHole) Extent(long offset, long length);
}
