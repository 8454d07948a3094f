// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;

namespace Hikae.Sidecar.Tests.Output;

/// <summary>Packets as QEMU's filter frames them; each holds its number, so that order and loss are seen.</summary>
internal static class Packets
{
    /// <summary>One packet: its number, filled up to a length.</summary>
    public static byte[] Framed(int number, int length = 60)
    {
        byte[] bytes = new byte[4 + length];
        BinaryPrimitives.WriteInt32BigEndian(bytes, length);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4), number);
        return bytes;
    }

    /// <summary>Packets of consecutive numbers.</summary>
    public static byte[] Range(int first, int count, int length = 60) =>
        [.. Enumerable.Range(first, count).SelectMany(number => Framed(number, length))];

    /// <summary>The numbers of whole packets, and how many bytes they take.</summary>
    public static (IReadOnlyList<int> Numbers, int Bytes) Read(ReadOnlySpan<byte> bytes)
    {
        var numbers = new List<int>();
        int at = 0;
        while (bytes.Length - at >= 4 && BinaryPrimitives.ReadInt32BigEndian(bytes[at..]) is var length && bytes.Length - at - 4 >= length)
        {
            numbers.Add(BinaryPrimitives.ReadInt32BigEndian(bytes[(at + 4)..]));
            at += 4 + length;
        }
        return (numbers, at);
    }
}
