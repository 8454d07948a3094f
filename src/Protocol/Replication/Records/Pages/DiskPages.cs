// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;

namespace Hikae.Protocol.Replication;

/// <summary>
/// Writes and reads the payload of a DiskPages record:
/// <c>be16 block, be16 disk, be32 runs, { be32 first page, be32 count, be64 first disk block }*, { be64 check of a page }*</c>.
/// </summary>
/// <remarks>
/// The checks, XXH3-64 of each page, stand in the order of the runs' pages. Whether a run lies within its RAM block and its disk, only the receiver can tell, who knows both.
/// </remarks>
public static class DiskPages
{
    private const int HeadBytes = 8;
    private const int RunBytes = 16;
    private const int CheckBytes = sizeof(ulong);

    /// <summary>Bytes that <paramref name="runCount"/> runs with <paramref name="pageCount"/> pages take.</summary>
    public static int SizeBytes(int runCount, int pageCount) => HeadBytes + (runCount * RunBytes) + (pageCount * CheckBytes);

    /// <summary>Writes one payload and returns its length in bytes.</summary>
    /// <param name="destination">At least <see cref="SizeBytes"/> bytes for that many runs and pages.</param>
    /// <param name="block">Index of the RAM block in the guest's block list.</param>
    /// <param name="disk">Index of the disk in the guest's disk list.</param>
    /// <param name="runs">In any order.</param>
    /// <param name="checks">One for each page of the runs: 1 to <see cref="ReplicationLimits.MaxDiskPagesPerRecord"/>.</param>
    public static int Write(Span<byte> destination, int block, int disk, ReadOnlySpan<DiskRun> runs, ReadOnlySpan<ulong> checks)
    {
        ArgumentOutOfRangeException.ThrowIfZero(runs.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)block, ReplicationLimits.MaxBlocks - 1u, nameof(block));
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)disk, ReplicationLimits.MaxDisks - 1u, nameof(disk));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(checks.Length, ReplicationLimits.MaxDiskPagesPerRecord);
        BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)block);
        BinaryPrimitives.WriteUInt16BigEndian(destination[2..], (ushort)disk);
        BinaryPrimitives.WriteInt32BigEndian(destination[4..], runs.Length);
        int position = HeadBytes;
        long pages = 0;
        foreach (DiskRun run in runs)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination[position..], run.FirstPage);
            BinaryPrimitives.WriteUInt32BigEndian(destination[(position + 4)..], run.PageCount);
            BinaryPrimitives.WriteInt64BigEndian(destination[(position + 8)..], run.FirstBlock);
            position += RunBytes;
            pages += run.PageCount;
        }
        ArgumentOutOfRangeException.ThrowIfNotEqual(pages, checks.Length, nameof(checks));
        foreach (ulong check in checks)
        {
            BinaryPrimitives.WriteUInt64BigEndian(destination[position..], check);
            position += CheckBytes;
        }
        return position;
    }

    /// <summary>Reads the head, returns the number of runs and leaves them to <see cref="ReadRun"/>, and the checks to <see cref="ReadChecks"/>.</summary>
    /// <param name="payload">Of the record.</param>
    /// <param name="block">Index of the RAM block.</param>
    /// <param name="disk">Index of the disk.</param>
    /// <param name="pages">Pages of all runs, and so checks.</param>
    /// <remarks>Throws <see cref="ReplicationProtocolException"/> when the payload is not whole runs and their checks, has none or too many, or names a disk above the limit.</remarks>
    public static int ReadHead(ReadOnlySpan<byte> payload, out int block, out int disk, out int pages)
    {
        int rest = payload.Length - HeadBytes;
        int runs = rest < 0 ? 0 : BinaryPrimitives.ReadInt32BigEndian(payload[4..]);
        if (runs < 1 || runs > rest / RunBytes)
        {
            throw new ReplicationProtocolException($"DiskPages record of {payload.Length} bytes is not a head and whole runs.");
        }
        long count = 0;
        for (int i = 0; i < runs; i++)
        {
            count += ReadRun(payload, i).PageCount;
        }
        if (count > ReplicationLimits.MaxDiskPagesPerRecord || payload.Length != SizeBytes(runs, (int)count))
        {
            throw new ReplicationProtocolException($"DiskPages record of {payload.Length} bytes has {runs} runs of {count} pages.");
        }
        block = BinaryPrimitives.ReadUInt16BigEndian(payload);
        disk = BinaryPrimitives.ReadUInt16BigEndian(payload[2..]);
        pages = (int)count;
        if (disk >= ReplicationLimits.MaxDisks)
        {
            throw new ReplicationProtocolException($"DiskPages record names disk {disk}; a guest has at most {ReplicationLimits.MaxDisks}.");
        }
        return runs;
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

    /// <summary>Reads the checks of all pages of a payload that <see cref="ReadHead"/> accepted.</summary>
    /// <param name="payload">Of the record.</param>
    /// <param name="checks">As many as the record has pages.</param>
    public static void ReadChecks(ReadOnlySpan<byte> payload, Span<ulong> checks)
    {
        ReadOnlySpan<byte> at = payload[^(checks.Length * CheckBytes)..];
        for (int i = 0; i < checks.Length; i++)
        {
            checks[i] = BinaryPrimitives.ReadUInt64BigEndian(at[(i * CheckBytes)..]);
        }
    }
}
