// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Disk.Buffer;

namespace Hikae.Sidecar.Disk.Backup;

/// <summary>What the guest wrote to its disks and is not yet known to be in their images, as the backup holds it.</summary>
/// <remarks>
/// One buffer a disk, in the same files in which a primary keeps its own: after a failover they are this host's. Writes of the epoch being received
/// are in the buffers' open epoch, so a torn one is discarded as a whole. Used by the receiving thread alone.
///
/// A disk's writes take at most <paramref name="maxBytes"/>: a primary that sends more is at fault.
/// </remarks>
internal sealed class ReplicaDisks(string runDirectory, Guid guest, long maxBytes) : IDisposable
{
    private List<EpochBuffer> _buffers = [];
    private ulong _flushed;

    /// <summary>The disks, in the order in which records name them. Empty: the guest has none whose writes are held.</summary>
    public IReadOnlyList<DiskInfo> Disks { get; private set; } = [];

    /// <summary>Bytes of memory that the buffers take.</summary>
    public long BufferedBytes => _buffers.Sum(buffer => buffer.UsedBytes);

    /// <summary>The guest has these disks from the epoch being received on; nothing of them is buffered yet.</summary>
    /// <exception cref="ReplicationProtocolException">The primary named disks before.</exception>
    public void SetDisks(DiskList list)
    {
        if (_buffers.Count > 0)
        {
            throw new ReplicationProtocolException("a second DiskList record");
        }
        Disks = [.. list.Disks];
        foreach (DiskInfo disk in Disks)
        {
            _buffers.Add(BufferFiles.OpenEmpty(runDirectory, guest, disk.Alias, maxBytes, reserveBytes: 0));
        }
    }

    /// <summary>Takes what one record holds.</summary>
    public void Put(ReadOnlySpan<byte> payload)
    {
        DiskWritesReader reader = new(payload);
        if (reader.Disk >= Disks.Count)
        {
            throw new ReplicationProtocolException($"writes to disk {reader.Disk} of {Disks.Count}");
        }
        DiskInfo disk = Disks[reader.Disk];
        EpochBuffer buffer = _buffers[reader.Disk];
        while (reader.TryRead(out byte kind, out long offset, out long length, out ReadOnlySpan<byte> data))
        {
            var write = (DiskWrite)kind;
            if (write is not (DiskWrite.Write or DiskWrite.WriteZeroes or DiskWrite.Trim or DiskWrite.UnmapZeroes) || (write is DiskWrite.Write) == data.IsEmpty)
            {
                throw new ReplicationProtocolException($"a disk write of kind {kind} with {data.Length} bytes");
            }
            if (offset > disk.ExportBytes - length)
            {
                throw new ReplicationProtocolException($"a write of {length} bytes at {offset} to {disk.Alias}, which has {disk.ExportBytes}");
            }
            if (!buffer.TryAppend(write, offset, length, data))
            {
                throw new ReplicationProtocolException($"more than {maxBytes} bytes of writes to {disk.Alias}, or than this host has memory for; is [disk] buffer_mib the same on both hosts?");
            }
        }
        if (reader.HoldsFlush)
        {
            buffer.MarkFlush();
        }
    }

    /// <summary>The epoch is whole.</summary>
    public void Commit(ulong epoch)
    {
        foreach (EpochBuffer buffer in _buffers)
        {
            buffer.Seal(epoch);
            buffer.CommitThrough(epoch);
        }
    }

    /// <summary>The epoch being received will never be whole.</summary>
    public void DiscardEpoch() => _buffers.ForEach(buffer => buffer.DiscardOpen());

    /// <summary>The images hold everything through <paramref name="epoch"/>.</summary>
    /// <exception cref="ReplicationProtocolException">That epoch was not committed.</exception>
    public void DropThrough(ulong epoch, ulong committed)
    {
        if (epoch > committed || epoch < _flushed)
        {
            throw new ReplicationProtocolException($"epoch {epoch} is said to be in the images, {committed} is committed, {_flushed} was");
        }
        _flushed = epoch;
        _buffers.ForEach(buffer => buffer.DropThrough(epoch));
    }

    /// <summary>Closes the buffers and leaves their files to whoever serves the disks here now. Returns the disks.</summary>
    public IReadOnlyList<DiskInfo> Release()
    {
        _buffers.ForEach(buffer => buffer.Dispose());
        _buffers = [];
        return Disks;
    }

    /// <summary>Drops what was not released, files and all.</summary>
    public void Dispose()
    {
        foreach ((EpochBuffer buffer, DiskInfo disk) in _buffers.Zip(Disks))
        {
            buffer.Dispose();
            BufferFiles.Delete(runDirectory, guest, disk.Alias);
        }
        _buffers = [];
    }
}
