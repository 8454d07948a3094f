// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;
using Hikae.Native.Linux;

namespace Hikae.Sidecar.Disk.Buffer;

/// <summary>The buffer's file: a head, a table of segments, and the segments' bytes.</summary>
/// <remarks>
/// Layout, in the host's byte order because the file never leaves the host: at 0 the head (u64 magic, u32 version, u32 segment bytes,
/// u32 segments, u32 0, u64 committed through, u64 dropped through); at 4096 for each segment u64 chain (its place in the log, 0 = free)
/// and u64 used (published bytes); then, from a multiple of 4096 on, the segments.
/// A killed process leaves every store it made, in order, because the pages are the file's. So what is published last counts: the bytes
/// of an entry first, then "used"; a new segment's "used" first, then "chain".
/// </remarks>
internal sealed class BufferFile : IDisposable
{
    /// <summary>Said by "dropped through" while everything is being forgotten.</summary>
    public const ulong Everything = ulong.MaxValue;

    private const ulong Magic = 0x31_52_46_46_55_42_4b_48; // "HKBUFFR1"
    private const uint Version = 1;
    private const int PageBytes = 4096;
    private const int SlotBytes = 16;

    private readonly SparseMapping _mapping;
    private readonly long _firstSegment;

    private BufferFile(SparseMapping mapping, int segmentBytes, int segmentCount)
    {
        _mapping = mapping;
        SegmentBytes = segmentBytes;
        SegmentCount = segmentCount;
        _firstSegment = HeadBytes(segmentCount);
    }

    /// <summary>Bytes of one segment.</summary>
    public int SegmentBytes { get; }

    /// <summary>Number of segments, most of them without memory.</summary>
    public int SegmentCount { get; }

    /// <summary>As committed by the backup.</summary>
    public ulong CommittedThrough
    {
        get => Volatile.Read(ref Head(32));
        set => Volatile.Write(ref Head(32), value);
    }

    /// <summary>Epochs that are to be forgotten, whether or not their segments are free already.</summary>
    public ulong DroppedThrough
    {
        get => Volatile.Read(ref Head(40));
        set => Volatile.Write(ref Head(40), value);
    }

    /// <summary>Opens the file. One that is not ours, or was never finished, is made anew; one of ours keeps its geometry.</summary>
    public static BufferFile Open(string path, long maxBytes, long reserveBytes)
    {
        int segmentBytes = BufferLimits.MinSegmentBytes;
        while (segmentBytes < BufferLimits.MaxSegmentBytes && segmentBytes < maxBytes / 32)
        {
            segmentBytes *= 2;
        }

        int segments = checked((int)((maxBytes + reserveBytes + segmentBytes - 1) / segmentBytes) + 1);
        if (Existing(path) is var (bytes, count))
        {
            segmentBytes = bytes;
            segments = count;
        }
        else
        {
            File.Delete(path);
        }

        SparseMapping mapping = SparseMapping.OpenOrCreate(path, HeadBytes(segments) + ((long)segments * segmentBytes));
        try
        {
            if (!mapping.TryAllocate(0, HeadBytes(segments)))
            {
                throw new IOException($"{path}: no memory left for a buffer");
            }

            Span<byte> head = mapping.Slice(0, PageBytes);
            MemoryMarshal.Write(head[8..], Version);
            MemoryMarshal.Write(head[12..], segmentBytes);
            MemoryMarshal.Write(head[16..], segments);
            Volatile.Write(ref MemoryMarshal.AsRef<ulong>(head), Magic);
            return new BufferFile(mapping, segmentBytes, segments);
        }
        catch
        {
            mapping.Dispose();
            throw;
        }
    }

    /// <summary>Place of a segment in the log, counted from 1; 0 = free.</summary>
    public ref ulong Chain(int segment) => ref MemoryMarshal.AsRef<ulong>(_mapping.Slice(PageBytes + ((long)segment * SlotBytes), sizeof(ulong)));

    /// <summary>Published bytes of a segment.</summary>
    public ref ulong Used(int segment) => ref MemoryMarshal.AsRef<ulong>(_mapping.Slice(PageBytes + ((long)segment * SlotBytes) + sizeof(ulong), sizeof(ulong)));

    /// <summary>Place in the file of a segment's first byte.</summary>
    public long PositionOf(int segment) => _firstSegment + ((long)segment * SegmentBytes);

    /// <summary>Bytes of the file.</summary>
    public Span<byte> Slice(long position, int lengthBytes) => _mapping.Slice(position, lengthBytes);

    /// <summary>Gives a segment memory. False: there is none left.</summary>
    public bool TryAllocate(int segment) => _mapping.TryAllocate(PositionOf(segment), SegmentBytes);

    /// <summary>Takes a segment's memory away.</summary>
    public void Release(int segment) => _mapping.Release(PositionOf(segment), SegmentBytes);

    public void Dispose() => _mapping.Dispose();

    private static (int SegmentBytes, int Segments)? Existing(string path)
    {
        var info = new FileInfo(path);
        if (!info.Exists || info.Length < PageBytes)
        {
            return null;
        }

        Span<byte> head = stackalloc byte[24];
        using (FileStream file = info.Open(FileMode.Open, FileAccess.Read, FileShare.ReadWrite))
        {
            file.ReadExactly(head);
        }

        if (MemoryMarshal.Read<ulong>(head) != Magic)
        {
            return null;
        }

        uint version = MemoryMarshal.Read<uint>(head[8..]);
        int bytes = MemoryMarshal.Read<int>(head[12..]);
        int count = MemoryMarshal.Read<int>(head[16..]);
        bool sane = version == Version && bytes is >= BufferLimits.MinSegmentBytes and <= BufferLimits.MaxSegmentBytes && bytes % PageBytes == 0 && count > 0;
        return sane && info.Length == HeadBytes(count) + ((long)bytes * count)
            ? (bytes, count)
            : throw new DamagedBufferException($"{path}: version {version}, {count} segments of {bytes} bytes do not fit its {info.Length} bytes");
    }

    private static long HeadBytes(int segments) => PageBytes + ((((long)segments * SlotBytes) + PageBytes - 1) / PageBytes * PageBytes);

    private ref ulong Head(int offset) => ref MemoryMarshal.AsRef<ulong>(_mapping.Slice(offset, sizeof(ulong)));
}
