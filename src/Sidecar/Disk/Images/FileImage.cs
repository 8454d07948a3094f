// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Images;

/// <summary>The raw bytes of a file or block device. Of a qcow2 file its bytes, too: QEMU has the qcow2 driver on top.</summary>
internal sealed class FileImage : IDiskImage
{
    /// <summary>Opens the image for reading and writing.</summary>
    /// <param name="path">File or block device.</param>
    /// <param name="dropCache">Forget what this host's page cache holds of it: another host may have written it since.</param>
    public static FileImage Open(string path, bool dropCache = false) => throw new NotImplementedException();

    /// <summary>Holds QEMU's own locks on the image, as QEMU does for a disk that a guest writes, so that no other QEMU or qemu-img opens it for writing.</summary>
    /// <param name="format">"raw" or "qcow2".</param>
    public void Lock(string format) => throw new NotImplementedException();

    /// <summary>Before the graph is put back: QEMU takes the locks itself.</summary>
    public void Unlock() => throw new NotImplementedException();

    public void Read(long offset, Span<byte> destination) => throw new NotImplementedException();

    public bool TryReadCached(long offset, Span<byte> destination) => throw new NotImplementedException();

    public void Write(long offset, ReadOnlySpan<byte> data) => throw new NotImplementedException();

    public void WriteZeroes(long offset, long length, bool mayUnmap) => throw new NotImplementedException();

    public void Trim(long offset, long length) => throw new NotImplementedException();

    public void Flush() => throw new NotImplementedException();

    public (long Length, bool IsHole) Extent(long offset, long length) => throw new NotImplementedException();

    public void Dispose()
    {
    }
}
