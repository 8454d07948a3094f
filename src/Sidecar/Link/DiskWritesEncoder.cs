// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Disk.Buffer;

namespace Hikae.Sidecar.Link;

/// <summary>Cuts an epoch's disk writes into records.</summary>
internal sealed class DiskWritesEncoder
{
    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(ReplicationLimits.MaxDiskWritesBytes);

    /// <summary>Takes each record's payload; it is valid during the call only.</summary>
    internal delegate void RecordSink(RecordType type, ReadOnlySpan<byte> payload);

    /// <summary>Sends all of the part's entries; nothing when there are none and the guest did not flush.</summary>
    public void Ship(EpochPart.DiskWrites writes, RecordSink send)
    {
        var writer = new DiskWritesWriter(_buffer, writes.Disk, writes.HoldsFlush);
        bool isSent = false;
        foreach (BufferEntry entry in writes.Entries)
        {
            long offset = entry.Offset;
            ReadOnlySpan<byte> rest = entry.Data;
            do
            {
                if (writer.Room < Math.Min(rest.Length, ReplicationLimits.PageBytes))
                {
                    send(RecordType.DiskWrites, _buffer.AsSpan(0, writer.LengthBytes));
                    isSent = true;
                    writer = new DiskWritesWriter(_buffer, writes.Disk, writes.HoldsFlush);
                }
                ReadOnlySpan<byte> piece = rest[..Math.Min(rest.Length, writer.Room)];
                writer.Add((byte)entry.Kind, offset, entry.Data.IsEmpty ? entry.Length : piece.Length, piece);
                offset += piece.Length;
                rest = rest[piece.Length..];
            }
            while (!rest.IsEmpty);
        }
        if (!writer.IsEmpty || (writes.HoldsFlush && !isSent))
        {
            send(RecordType.DiskWrites, _buffer.AsSpan(0, writer.LengthBytes));
        }
    }
}
