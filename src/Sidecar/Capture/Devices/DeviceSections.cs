// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.IO.Hashing;

namespace Hikae.Sidecar.Capture;

/// <summary>Which devices a device state is of: the heads of its sections.</summary>
/// <remarks>
/// QEMU numbers a device's section when the device comes, and never gives a number twice (migration/savevm.c, global_section_id). So states with the same heads are of the
/// same devices. How long a section is the stream does not say: a head is taken for one where the footer of the section before stands in front of it. Bytes of a device may look
/// like both; that adds a head, and takes none away. A guest that makes them do so has the domain XML read more often than needed, nothing else.
/// </remarks>
internal static class DeviceSections
{
    // migration/savevm.h
    private const byte QEMU_VM_SECTION_FULL = 0x04;
    private const byte QEMU_VM_SECTION_FOOTER = 0x7e;

    private const int IdBytes = 4;
    private const int FooterBytes = 1 + IdBytes;

    /// <summary>A hash of all heads in a state, which is sections ended by a zero byte.</summary>
    public static ulong Fingerprint(ReadOnlySpan<byte> state)
    {
        var hash = new XxHash3();
        TryAppend(hash, state);
        for (int at = state.IndexOf(QEMU_VM_SECTION_FOOTER); at >= 0;)
        {
            ReadOnlySpan<byte> next = state[at..];
            if (next.Length <= FooterBytes)
            {
                break;
            }
            TryAppend(hash, next[FooterBytes..]);
            int step = next[1..].IndexOf(QEMU_VM_SECTION_FOOTER);
            at = step < 0 ? -1 : at + 1 + step;
        }
        return hash.GetCurrentHashAsUInt64();
    }

    /// <summary>Head: type, be32 section number, length and bytes of the name, be32 instance, be32 version.</summary>
    private static void TryAppend(XxHash3 hash, ReadOnlySpan<byte> head)
    {
        const int NameAt = 1 + IdBytes + 1;
        if (head.Length < NameAt || head[0] != QEMU_VM_SECTION_FULL)
        {
            return;
        }
        int nameBytes = head[NameAt - 1];
        int length = NameAt + nameBytes + (2 * IdBytes);
        if (nameBytes == 0 || head.Length < length || BinaryPrimitives.ReadUInt16BigEndian(head[1..]) != 0 || head.Slice(NameAt, nameBytes).ContainsAnyExceptInRange((byte)' ', (byte)'~'))
        {
            return;
        }
        hash.Append(head[..length]);
    }
}
