// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Sidecar.Disk.Buffer;
using Hikae.Sidecar.Disk.Images;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Disk;

/// <summary>One disk of the guest, served over NBD. On the primary, and on the backup after a failover.</summary>
internal sealed class ServedDisk : IDisposable
{
    private readonly EpochBuffer _buffer;
    private Action? _wanted;
    private Action<ulong>? _flushed;

    /// <param name="name">For log lines: the disk's alias.</param>
    /// <param name="image">Where committed writes go; the caller's, must outlive this.</param>
    /// <param name="buffer">What is not in the image yet; the caller's, must outlive this. Not empty (a predecessor was killed): the disk begins as <see cref="DiskMode.Holding"/>.</param>
    /// <param name="exportBytes">Size that clients are told; may exceed the image.</param>
    /// <param name="logger">Gets the image's troubles.</param>
    public ServedDisk(string name, IDiskImage image, EpochBuffer buffer, long exportBytes, ILogger logger)
    {
        _ = (name, image, exportBytes, logger);
        _buffer = buffer;
    }

    /// <summary>The buffer is half full, or a guest's write waits: a checkpoint would help. Raised on any thread, must not block.</summary>
    public event Action? CheckpointWanted { add => _wanted += value; remove => _wanted -= value; }

    /// <summary>Everything through this epoch is durable in the image. Raised on the writer thread.</summary>
    public event Action<ulong>? Flushed { add => _flushed += value; remove => _flushed -= value; }

    public DiskMode Mode => throw new NotImplementedException();

    /// <summary>Acknowledged to the guest and not yet durable in the image.</summary>
    public long BufferedBytes => _buffer.UsedBytes;

    /// <summary>The last error of the image, while what failed is tried again; null when all is well.</summary>
    public string? ImageTrouble => throw new NotImplementedException();

    /// <summary>Accepts connections on a listening unix socket until disposed. The socket is this object's from now on, its file is not.</summary>
    public void Serve(Socket listener) => throw new NotImplementedException();

    /// <summary>Guest stands still, buffer empty: PassThrough -> Holding.</summary>
    public void Hold() => throw new NotImplementedException();

    /// <summary>
    /// A checkpoint comes: until <see cref="Seal"/> no write waits for room, so that "stop", which waits for every write, is quick.
    /// Optional: without it such writes are delayed, but never for good.
    /// </summary>
    public void PrepareSeal() => throw new NotImplementedException();

    /// <summary>Guest stands still: the open epoch becomes <paramref name="epoch"/>. True if it holds a guest FLUSH or FUA. Only while Holding; else nothing happens, false.</summary>
    public bool Seal(ulong epoch) => throw new NotImplementedException();

    /// <summary>Any thread, does not wait: everything sealed through <paramref name="epoch"/> goes to the image, then <see cref="Flushed"/>. Only while Holding.</summary>
    public void Commit(ulong epoch) => throw new NotImplementedException();

    /// <summary>From any mode, any thread, does not wait: everything buffered goes to the image, then writes go there directly.</summary>
    public void PassThrough() => throw new NotImplementedException();

    /// <summary>Waits for Draining to end. False: it did not in time.</summary>
    public bool WaitDrained(TimeSpan limit) => throw new NotImplementedException();

    /// <summary>Not allowed: nothing is written to the image; committed epochs, drains and direct writes wait. Begins allowed. When it returns after "false", no write is under way.</summary>
    public void AllowImageWrites(bool allowed) => throw new NotImplementedException();

    public void Dispose()
    {
    }
}
