// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;

namespace Hikae.Protocol.Replication;

/// <summary>Writes and reads the payload of a DiskPages record: <c>be16 block, be16 disk, { be32 first page, be32 count, be64 first disk block }*</c>.</summary>
/// <remarks>Whether a run lies within its RAM block and its disk, only the receiver can tell, who knows both.</remarks>
public static class DiskPages
{
    private const int HeadBytes = 4;
    private const int RunBytes = 16;

    /// <summary>Bytes that <paramref name="runCount"/> runs take.</summary>
    public static int SizeBytes(int runCount) => HeadBytes + (runCount * RunBytes);

    /// <summary>Writes one payload of 1 to <see cref="ReplicationLimits.MaxDiskRunsPerRecord"/> runs and returns its length in bytes.</summary>
    /// <param name="destination">At least <see cref="SizeBytes"/> bytes for that many runs.</param>
    /// <param name="block">Index of the RAM block in the guest's block list.</param>
    /// <param name="disk">Index of the disk in the guest's disk list.</param>
    /// <param name="runs">In any order.</param>
    public static int Write(Span<byte> destination, int block, int disk, ReadOnlySpan<DiskRun> runs)
    {
        ArgumentOutOfRangeException.ThrowIfZero(runs.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)block, ReplicationLimits.MaxBlocks - 1u, nameof(block));
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)disk, ReplicationLimits.MaxDisks - 1u, nameof(disk));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(runs.Length, ReplicationLimits.MaxDiskRunsPerRecord);
        BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)block);
        BinaryPrimitives.WriteUInt16BigEndian(destination[2..], (ushort)disk);
        int position = HeadBytes;
        foreach (DiskRun run in runs)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination[position..], run.FirstPage);
            BinaryPrimitives.WriteUInt32BigEndian(destination[(position + 4)..], run.PageCount);
            BinaryPrimitives.WriteInt64BigEndian(destination[(position + 8)..], run.FirstBlock);
            position += RunBytes;
        }
        return position;
    }

    /// <summary>Reads the head, returns the number of runs and leaves them to <see cref="ReadRun"/>.</summary>
    /// <remarks>Throws <see cref="ReplicationProtocolException"/> when the payload is not whole runs, has none or too many, or names a disk above the limit.</remarks>
    public static int ReadHead(ReadOnlySpan<byte> payload, out int block, out int disk)
    {
        int runBytes = payload.Length - HeadBytes;
        if (runBytes <= 0 || runBytes % RunBytes != 0 || runBytes / RunBytes > ReplicationLimits.MaxDiskRunsPerRecord)
        {
            throw new ReplicationProtocolException($"DiskPages record of {payload.Length} bytes is not a head and whole runs within the limit.");
        }
        block = BinaryPrimitives.ReadUInt16BigEndian(payload);
        disk = BinaryPrimitives.ReadUInt16BigEndian(payload[2..]);
        if (disk >= ReplicationLimits.MaxDisks)
        {
            throw new ReplicationProtocolException($"DiskPages record names disk {disk}; a guest has at most {ReplicationLimits.MaxDisks}.");
        }
        return runBytes / RunBytes;
    }

    /// <summary>
    /// Reads run number <paramref name="index"/> of a payload that <see cref="ReadHead"/> accepted. Throws when the run is empty, or ends above the largest guest or
    /// disk.
    /// </summary>
    public static DiskRun ReadRun(ReadOnlySpan<byte> payload, int index)
    {
        ReadOnlySpan<byte> at = payload.Slice(HeadBytes + (index * RunBytes), RunBytes);
        var run = new DiskRun(
            BinaryPrimitives.ReadUInt32BigEndian(at), BinaryPrimitives.ReadUInt32BigEndian(at[4..]), BinaryPrimitives.ReadInt64BigEndian(at[8..]));
        if (run.PageCount == 0
            || (ulong)run.FirstPage + run.PageCount > ReplicationLimits.MaxGuestBytes / ReplicationLimits.PageBytes
            || run.FirstBlock < 0 || run.FirstBlock > (ReplicationLimits.MaxDiskBytes / ReplicationLimits.PageBytes) - run.PageCount)
        {
            throw new ReplicationProtocolException($"DiskPages record has a run of {run.PageCount} pages from page {run.FirstPage} at disk block {run.FirstBlock}.");
        }
        return run;
    }
}
