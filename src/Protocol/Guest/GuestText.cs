// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Text;

namespace Hikae.Protocol.Guest;

/// <summary>A text in a payload: be16 length in bytes, UTF-8.</summary>
internal static class GuestText
{
    /// <summary>Takes a text off the front. False: it is cut, or longer than its limit. Control characters become '?'.</summary>
    internal static bool TryRead(ref ReadOnlySpan<byte> rest, int maxBytes, out string text)
    {
        text = string.Empty;
        if (rest.Length < 2)
        {
            return false;
        }

        int length = BinaryPrimitives.ReadUInt16BigEndian(rest);
        if (length > maxBytes || rest.Length < 2 + length)
        {
            return false;
        }

        // A guest's text ends in host logs and terminals: no escape sequences, no line breaks.
        text = string.Create(Encoding.UTF8.GetCharCount(rest.Slice(2, length)), rest.Slice(2, length), static (chars, utf8) =>
        {
            Encoding.UTF8.GetChars(utf8, chars);
            foreach (ref char c in chars)
            {
                c = char.IsControl(c) || c is >= '\u202A' and <= '\u202E' or >= '\u2066' and <= '\u2069' ? '?' : c;
            }
        });
        rest = rest[(2 + length)..];
        return true;
    }

    /// <summary>Writes a text, cut to its limit. Returns the bytes it takes, length included.</summary>
    internal static int Write(Span<byte> destination, string text, int maxBytes)
    {
        // GetBytes stops before the character that does not fit.
        Encoding.UTF8.GetEncoder().Convert(text, destination.Slice(2, maxBytes), flush: true, out _, out int written, out _);
        BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)written);
        return 2 + written;
    }
}
