// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Hikae.Native.Linux.Systemd;

/// <summary>One entry of the journal in its native protocol, as https://systemd.io/JOURNAL_NATIVE_PROTOCOL has it.</summary>
/// <remarks>
/// <code>
/// FIELD=value\n                                           a value without a newline
/// FIELD\n  length, 8 bytes little endian  value  \n       any value: nothing in it is looked at
/// </code>
/// Names of guests and what libvirt says are not ours: a newline in them must not begin a field.
/// </remarks>
internal sealed class JournalEntry
{
    /// <summary>Bytes. An entry is one datagram, and a socket's send buffer, 208 KiB by default, bounds it.</summary>
    public const int MessageLimit = 48 * 1024;

    /// <summary>Bytes of any other value. libvirt's names are shorter than 256.</summary>
    public const int ValueLimit = 1024;

    private readonly ArrayBufferWriter<byte> _bytes = new(512);

    public ReadOnlySpan<byte> Bytes => _bytes.WrittenSpan;

    /// <summary>Leaves the field out when there is no value.</summary>
    /// <param name="field">A name of ours: capitals and underscores.</param>
    /// <param name="value">Anything.</param>
    /// <param name="limit">Bytes; what is longer is cut between two characters.</param>
    public void Add(string field, string? value, int limit = ValueLimit)
    {
        if (string.IsNullOrEmpty(value))
        {
            return;
        }
        // No character takes less than a byte, so nothing is encoded only to be thrown away.
        ReadOnlySpan<byte> bytes = Cut(Encoding.UTF8.GetBytes(value.Length > limit ? value[..limit] : value), limit);
        _bytes.Write(Encoding.ASCII.GetBytes(field));
        if (bytes.Contains((byte)'\n'))
        {
            _bytes.Write("\n"u8);
            BinaryPrimitives.WriteUInt64LittleEndian(_bytes.GetSpan(sizeof(ulong)), (ulong)bytes.Length);
            _bytes.Advance(sizeof(ulong));
        }
        else
        {
            _bytes.Write("="u8);
        }
        _bytes.Write(bytes);
        _bytes.Write("\n"u8);
    }

    private static ReadOnlySpan<byte> Cut(ReadOnlySpan<byte> utf8, int limit)
    {
        if (utf8.Length <= limit)
        {
            return utf8;
        }
        int end = limit;
        while (end > 0 && (utf8[end] & 0xC0) == 0x80)
        {
            end--;
        }
        return utf8[..end];
    }
}
