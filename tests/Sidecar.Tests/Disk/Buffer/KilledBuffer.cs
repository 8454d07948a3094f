// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;

namespace Hikae.Sidecar.Tests.Disk.Buffer;

/// <summary>Makes of a buffer's file what a process killed between two stores could have left. Knows the layout by itself, from BufferFile's description.</summary>
internal sealed class KilledBuffer
{
    private const int TableStart = 4096;
    private const int DroppedAt = 40;

    private readonly FileStream _file;
    private readonly int _segmentBytes;
    private readonly int _segments;
    private readonly long _firstSegment;

    private KilledBuffer(FileStream file)
    {
        _file = file;
        _segmentBytes = (int)Read(12, 4);
        _segments = (int)Read(16, 4);
        _firstSegment = TableStart + (((_segments * 16L) + 4095) / 4096 * 4096);
    }

    /// <summary>Killed in an append: bytes behind what was published, in a segment of the log or in one that was about to join it.</summary>
    public static void InAppend(string path, Random random) => Change(path, killed =>
    {
        byte[] garbage = new byte[512];
        for (int i = 0; i < killed._segments; i++)
        {
            ulong chain = killed.Read(TableStart + (i * 16), 8);
            ulong used = killed.Read(TableStart + (i * 16) + 8, 8);
            if (chain == 0)
            {
                killed.Write(TableStart + (i * 16) + 8, (ulong)random.Next(killed._segmentBytes));
            }
            else if ((int)used + garbage.Length <= killed._segmentBytes)
            {
                random.NextBytes(garbage);
                killed._file.Position = killed._firstSegment + ((long)i * killed._segmentBytes) + (long)used;
                killed._file.Write(garbage);
            }
        }
    });

    /// <summary>Killed when a new segment had joined the log, and nothing was in it.</summary>
    public static void WithNewSegment(string path) => Change(path, killed =>
    {
        ulong[] chains = [.. Enumerable.Range(0, killed._segments).Select(i => killed.Read(TableStart + (i * 16), 8))];
        int free = Array.IndexOf(chains, 0UL);
        if (free >= 0)
        {
            killed.Write(TableStart + (free * 16) + 8, 0);
            killed.Write(TableStart + (free * 16), chains.Max() + 1);
        }
    });

    /// <summary>Killed when it had said that an epoch is dropped, and freed nothing yet.</summary>
    public static void InDrop(string path, ulong epoch) => Change(path, killed => killed.Write(DroppedAt, epoch));

    /// <summary>Killed when it had said that everything is dropped, and freed nothing yet.</summary>
    public static void InClear(string path) => Change(path, killed => killed.Write(DroppedAt, ulong.MaxValue));

    /// <summary>Not a kill but damage: a published byte is another one.</summary>
    public static void Damage(string path, Random random) => Change(path, killed =>
    {
        int[] inUse = [.. Enumerable.Range(0, killed._segments).Where(i => killed.Read(TableStart + (i * 16), 8) != 0 && killed.Read(TableStart + (i * 16) + 8, 8) != 0)];
        int segment = inUse[random.Next(inUse.Length)];
        long at = killed._firstSegment + ((long)segment * killed._segmentBytes) + random.NextInt64((long)killed.Read(TableStart + (segment * 16) + 8, 8));
        killed._file.Position = at;
        int present = killed._file.ReadByte();
        killed._file.Position = at;
        killed._file.WriteByte((byte)(present ^ 0x10));
    });

    private static void Change(string path, Action<KilledBuffer> change)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        change(new KilledBuffer(file));
    }

    private ulong Read(long at, int bytes)
    {
        Span<byte> value = stackalloc byte[8];
        value.Clear();
        _file.Position = at;
        _file.ReadExactly(value[..bytes]);
        return MemoryMarshal.Read<ulong>(value);
    }

    private void Write(long at, ulong value)
    {
        _file.Position = at;
        _file.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(ref value)));
    }
}
