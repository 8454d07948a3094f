// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;

namespace Hikae.Protocol.Replication;

/// <summary>Writes and reads the payload of a SoftPages record: <c>be16 block, u8 class, u8 0, { be32 first page, be32 count }*</c>.</summary>
public static class SoftPages
{
    private const int HeadBytes = 4;
    private const int RunBytes = 8;

    /// <summary>Bytes that <paramref name="runCount"/> runs take.</summary>
    public static int SizeBytes(int runCount) => HeadBytes + (runCount * RunBytes);

    /// <summary>Writes one payload and returns its length. At most <see cref="ReplicationLimits.MaxRunsPerRecord"/> runs.</summary>
    public static int Write(Span<byte> destination, int block, SoftClass softClass, ReadOnlySpan<SoftRun> runs)
    {
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

    /// <summary>Reads the head and leaves the runs to <see cref="ReadRun"/>. Throws when the payload is not whole runs.</summary>
    public static int ReadHead(ReadOnlySpan<byte> payload, out int block, out SoftClass softClass)
    {
        int runBytes = payload.Length - HeadBytes;
        if (runBytes < 0 || runBytes % RunBytes != 0 || runBytes / RunBytes > ReplicationLimits.MaxRunsPerRecord)
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

    /// <summary>Reads run number <paramref name="index"/> of a payload that <see cref="ReadHead"/> accepted.</summary>
    public static SoftRun ReadRun(ReadOnlySpan<byte> payload, int index)
    {
        ReadOnlySpan<byte> at = payload.Slice(HeadBytes + (index * RunBytes), RunBytes);
        return new SoftRun(BinaryPrimitives.ReadUInt32BigEndian(at), BinaryPrimitives.ReadUInt32BigEndian(at[4..]));
    }
}
