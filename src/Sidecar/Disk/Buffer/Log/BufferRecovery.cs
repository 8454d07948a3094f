// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;

namespace Hikae.Sidecar.Disk.Buffer;

/// <summary>Reads the log that a killed process left. What was published is all there, or the file is damaged: there is no third case.</summary>
internal static class BufferRecovery
{
    /// <summary>What an entry of the log is, on its way to the buffer.</summary>
    internal delegate void OnEntry(in EntryHeader header, long address, long dataPosition);

    /// <summary>The segments that hold the log, oldest first.</summary>
    public static List<BufferSegment> Segments(BufferFile file)
    {
        var segments = new List<BufferSegment>();
        for (int i = 0; i < file.SegmentCount; i++)
        {
            ulong chain = Volatile.Read(ref file.Chain(i));
            if (chain == 0)
            {
                continue;
            }

            ulong used = file.Used(i);
            if (chain > long.MaxValue / BufferLimits.MaxSegmentBytes || used > (ulong)file.SegmentBytes)
            {
                throw new DamagedBufferException($"segment {i} says place {chain}, {used} bytes");
            }

            segments.Add(new BufferSegment(i, (long)chain) { Used = (int)used });
        }

        segments.Sort((left, right) => left.Chain.CompareTo(right.Chain));
        for (int i = 1; i < segments.Count; i++)
        {
            if (segments[i].Chain != segments[i - 1].Chain + 1)
            {
                throw new DamagedBufferException($"the log has no segment between places {segments[i - 1].Chain} and {segments[i].Chain}");
            }
        }

        return segments;
    }

    /// <summary>Every entry of these segments, checked, in order.</summary>
    public static void ForEach(BufferFile file, List<BufferSegment> segments, OnEntry onEntry)
    {
        foreach (BufferSegment segment in segments)
        {
            int offset = 0;
            while (offset < segment.Used)
            {
                long address = (segment.Chain * file.SegmentBytes) + offset;
                long position = file.PositionOf(segment.Index) + offset;
                EntryHeader header = default;
                if (segment.Used - offset >= EntryHeader.Bytes)
                {
                    header = MemoryMarshal.Read<EntryHeader>(file.Slice(position, EntryHeader.Bytes));
                }

                if (!IsSane(header) || !header.IsSignedFor(address) || header.EntryBytes > segment.Used - offset
                    || !header.Signs(file.Slice(position + EntryHeader.Bytes, (int)header.DataBytes)))
                {
                    throw new DamagedBufferException($"the entry at {address} (byte {position} of the file) is torn, though it was published");
                }

                onEntry(header, address, position + EntryHeader.Bytes);
                offset += header.EntryBytes;
            }
        }
    }

    private static bool IsSane(in EntryHeader header) => header.Kind switch
    {
        (uint)DiskWrite.Write => header.Length == header.DataBytes && header.DataBytes <= BufferLimits.MaxSegmentBytes && IsRange(header),
        (uint)DiskWrite.WriteZeroes or (uint)DiskWrite.Trim or (uint)DiskWrite.UnmapZeroes => header.DataBytes == 0 && IsRange(header),
        EntryHeader.Flush or EntryHeader.Seal => header.DataBytes == 0,
        _ => false,
    };

    private static bool IsRange(in EntryHeader header) => header.Offset >= 0 && header.Length > 0 && header.Offset <= long.MaxValue - header.Length;
}
