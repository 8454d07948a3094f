// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Linux;

namespace Hikae.Sidecar.Disk.Images;

/// <summary>The raw bytes of a file or block device. Of a qcow2 file its bytes, too: QEMU has the qcow2 driver on top.</summary>
/// <remarks>
/// While a guest's disk is served QEMU itself has no lock on the image any more. <see cref="Lock"/> takes the same byte locks that QEMU
/// would hold, so that a second QEMU or a qemu-img is refused as before.
/// </remarks>
internal sealed class FileImage : IDiskImage
{
    private const int ZeroBytes = 1 << 20;

    // QEMU's block/file-posix.c: a byte from 100 on says what its holder does, one from 200 on what it does not let others do.
    private const int RAW_LOCK_PERM_BASE = 100;
    private const int RAW_LOCK_SHARED_BASE = 200;
    private const int ConsistentReadPermission = 0;
    private const int WritePermission = 1;
    private const int ResizePermission = 3;

    private static readonly byte[] Zeros = new byte[ZeroBytes];

    private readonly StorageFile _file;
    private readonly long _deviceBytes;

    // One of its own, as what is read ahead is the open file's business. Made when it is needed; the locks are the other one's.
    private StorageFile? _once;

    private FileImage(StorageFile file)
    {
        _file = file;
        _deviceBytes = file.IsBlockDevice ? file.LengthBytes : 0;
    }

    /// <summary>Present length.</summary>
    public long LengthBytes => _file.LengthBytes;

    /// <summary>Opens the image for reading and writing.</summary>
    /// <param name="path">File or block device.</param>
    /// <param name="dropCache">Forget what this host's page cache holds of it: another host may have written it since.</param>
    public static FileImage Open(string path, bool dropCache = false)
    {
        StorageFile file = StorageFile.Open(path);
        try
        {
            if (dropCache)
            {
                file.DropCache();
            }

            return new FileImage(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Whether the path names this image still. If not, somebody has deleted or replaced it, and whoever opens the path gets another one.</summary>
    /// <remarks>Of a device it is not asked: its node may have been made anew.</remarks>
    public bool IsStillAt(string path) => _file.IsBlockDevice || FileIdentity.Of(path) == _file.Identity;

    /// <summary>Whether it is the file of this number, on whatever it is mounted. Null: that is not known, and it is.</summary>
    public bool Is(ulong? inode) => inode is null || inode == _file.Identity.Inode;

    /// <summary>Holds what QEMU holds for a disk that a guest writes. Works while QEMU still has its own.</summary>
    /// <param name="format">"raw" or "qcow2".</param>
    /// <exception cref="IOException">Somebody has the image for himself.</exception>
    public void Lock(string format)
    {
        int[] bytes = format switch
        {
            "raw" => [RAW_LOCK_PERM_BASE + ConsistentReadPermission, RAW_LOCK_PERM_BASE + WritePermission, RAW_LOCK_SHARED_BASE + WritePermission],
            "qcow2" =>
            [
                RAW_LOCK_PERM_BASE + ConsistentReadPermission, RAW_LOCK_PERM_BASE + WritePermission, RAW_LOCK_PERM_BASE + ResizePermission,
                RAW_LOCK_SHARED_BASE + WritePermission, RAW_LOCK_SHARED_BASE + ResizePermission,
            ],
            _ => throw new ArgumentException($"No locks are known for an image of format {format}.", nameof(format)),
        };
        foreach (int offset in bytes)
        {
            if (!_file.TryShareByte(offset))
            {
                _file.UnlockBytes();
                throw new IOException($"the image is locked by another program (byte {offset})");
            }
        }
    }

    /// <summary>Before the graph is put back: QEMU takes the locks itself.</summary>
    public void Unlock() => _file.UnlockBytes();

    /// <inheritdoc/>
    public void Read(long offset, Span<byte> destination) => destination[_file.Read(offset, destination)..].Clear();

    /// <inheritdoc/>
    public void ReadOnce(long offset, Span<byte> destination)
    {
        if (TryReadCached(offset, destination))
        {
            return;
        }

        if (_once is null)
        {
            _once = _file.OpenAgain();
            _once.ReadNoFurther();
        }

        destination[_once.Read(offset, destination)..].Clear();
        _once.DropCached(offset, destination.Length);
    }

    /// <inheritdoc/>
    public bool TryReadCached(long offset, Span<byte> destination)
    {
        int read = _file.ReadCached(offset, destination);
        if (read < destination.Length)
        {
            // Short: the rest is not cached, or there is none. Where the file ends is known without waiting.
            if (read < 0 || offset + read < LengthBytes)
            {
                return false;
            }

            destination[read..].Clear();
        }

        return true;
    }

    /// <inheritdoc/>
    public void DropCached(long offset, long length) => _file.DropCached(offset, length);

    /// <inheritdoc/>
    public void Write(long offset, ReadOnlySpan<byte> data) => _file.Write(offset, data);

    /// <inheritdoc/>
    public void WriteZeroes(long offset, long length, bool mayUnmap)
    {
        if (_file.IsBlockDevice)
        {
            if (!_file.TryZeroOut(offset, length))
            {
                WriteZeroBytes(offset, length);
            }

            return;
        }

        if (!mayUnmap)
        {
            if (!_file.TryZeroRange(offset, length))
            {
                WriteZeroBytes(offset, length);
            }

            return;
        }

        // The last byte is written when it would lie past the end, so that the file has the length that writing zeros gives it.
        if (offset + length > LengthBytes)
        {
            _file.Write(offset + length - 1, [0]);
        }

        if (!_file.TryPunchHole(offset, length))
        {
            WriteZeroBytes(offset, length);
        }
    }

    /// <inheritdoc/>
    public void Trim(long offset, long length)
    {
        if (_file.IsBlockDevice)
        {
            _ = _file.TryDiscard(offset, Math.Min(length, _deviceBytes - offset));
        }
        else
        {
            _ = _file.TryPunchHole(offset, length);
        }
    }

    /// <inheritdoc/>
    public void Flush() => _file.Flush();

    /// <inheritdoc/>
    public (long Length, bool IsHole) Extent(long offset, long length)
    {
        while (true)
        {
            long data = _file.NextData(offset);
            if (data > offset || offset >= LengthBytes)
            {
                // Behind the end there is nothing but zeros.
                long hole = data >= LengthBytes ? length : data - offset;
                return (Math.Min(hole, length), true);
            }

            // A hole may be punched between the two looks: then the stretch had no length.
            long end = _file.NextHole(offset);
            if (end > offset)
            {
                return (Math.Min(end - offset, length), false);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _once?.Dispose();
        _file.Dispose();
    }

    private void WriteZeroBytes(long offset, long length)
    {
        while (length > 0)
        {
            int part = (int)Math.Min(length, ZeroBytes);
            _file.Write(offset, Zeros.AsSpan(0, part));
            offset += part;
            length -= part;
        }
    }
}
