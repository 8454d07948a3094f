// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;

namespace Hikae.Protocol.Replication;

/// <summary>Writes and reads the payload of a SoftPages record: <c>be16 block, u8 class, u8 0, { be32 first page, be32 count }*</c>.</summary>
/// <remarks>Whether a run lies within its RAM block, only the receiver can tell, who knows the block list.</remarks>
public static class SoftPages
{
    private const int HeadBytes = 4;
    private const int RunBytes = 8;

    /// <summary>Bytes that <paramref name="runCount"/> runs take.</summary>
    public static int SizeBytes(int runCount) => HeadBytes + (runCount * RunBytes);

    /// <summary>Writes one payload of 1 to <see cref="ReplicationLimits.MaxRunsPerRecord"/> runs and returns its length in bytes.</summary>
    /// <param name="destination">At least <see cref="SizeBytes"/> bytes for that many runs.</param>
    /// <param name="block">Index of the RAM block in the guest's block list.</param>
    /// <param name="softClass">Why these pages need not be kept.</param>
    /// <param name="runs">In any order.</param>
    public static int Write(Span<byte> destination, int block, SoftClass softClass, ReadOnlySpan<SoftRun> runs)
    {
        ArgumentOutOfRangeException.ThrowIfZero(runs.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)block, ReplicationLimits.MaxBlocks - 1u, nameof(block));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(runs.Length, ReplicationLimits.MaxRunsPerRecord);
        BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)block);
        destination[2] = (byte)softClass;
        destination[3] = 0;
        int position = HeadBytes;
        foreach (SoftRun run in runs)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination[position..], run.FirstPage);
            BinaryPrimitives.WriteUInt32BigEndian(destination[(position + 4)..], run.PageCount);
            position += RunBytes;
        }
        return position;
    }

    /// <summary>Reads the head, returns the number of runs and leaves them to <see cref="ReadRun"/>.</summary>
    /// <remarks>Throws <see cref="ReplicationProtocolException"/> when the payload is not whole runs, has none or too many, or is of an unknown class.</remarks>
    public static int ReadHead(ReadOnlySpan<byte> payload, out int block, out SoftClass softClass)
    {
        int runBytes = payload.Length - HeadBytes;
        if (runBytes <= 0 || runBytes % RunBytes != 0 || runBytes / RunBytes > ReplicationLimits.MaxRunsPerRecord)
        {
            throw new ReplicationProtocolException($"SoftPages record of {payload.Length} bytes is not a head and whole runs within the limit.");
        }
        block = BinaryPrimitives.ReadUInt16BigEndian(payload);
        softClass = (SoftClass)payload[2];
        if (softClass is not (SoftClass.Zero or SoftClass.Free))
        {
            throw new ReplicationProtocolException($"SoftPages record has unknown class {payload[2]}.");
        }
        return runBytes / RunBytes;
    }

    /// <summary>Reads run number <paramref name="index"/> of a payload that <see cref="ReadHead"/> accepted. Throws when the run is empty or ends above the largest guest.</summary>
    public static SoftRun ReadRun(ReadOnlySpan<byte> payload, int index)
    {
        ReadOnlySpan<byte> at = payload.Slice(HeadBytes + (index * RunBytes), RunBytes);
        var run = new SoftRun(BinaryPrimitives.ReadUInt32BigEndian(at), BinaryPrimitives.ReadUInt32BigEndian(at[4..]));
        if (run.PageCount == 0 || (ulong)run.FirstPage + run.PageCount > ReplicationLimits.MaxGuestBytes / ReplicationLimits.PageBytes)
        {
            throw new ReplicationProtocolException($"SoftPages record has a run of {run.PageCount} pages from page {run.FirstPage}.");
        }
        return run;
    }
}
