// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text;

namespace Hikae.Host.Metrics;

/// <summary>The head of an HTTP/1.1 request, of which only method and path are of interest. Bytes only, no sockets.</summary>
/// <param name="Method">As it was written; case matters.</param>
/// <param name="Path">Without the query.</param>
internal readonly record struct HttpRequestHead(string Method, string Path)
{
    /// <summary>Bytes of the first line. Those of Prometheus have some twenty.</summary>
    public const int MaxLineBytes = 2 << 10;

    /// <summary>Bytes of all lines with the empty one at the end. Browsers send up to two kilobytes.</summary>
    public const int MaxBytes = 8 << 10;

    /// <summary>False: not whole yet. Throws: it never will be, or is not for us.</summary>
    /// <param name="buffered">All bytes received so far.</param>
    /// <param name="head">The head when true.</param>
    /// <exception cref="HttpRefusedException">With the answer.</exception>
    public static bool TryRead(ReadOnlySpan<byte> buffered, out HttpRequestHead head)
    {
        head = default;
        int line = buffered.IndexOf("\r\n"u8);
        if (line > MaxLineBytes || (line < 0 && buffered.Length > MaxLineBytes + 1))
        {
            throw new HttpRefusedException("414 URI Too Long");
        }
        if (line < 0)
        {
            return false;
        }
        head = ReadLine(buffered[..line]);
        int end = buffered.IndexOf("\r\n\r\n"u8);
        if (end + 4 > MaxBytes || (end < 0 && buffered.Length >= MaxBytes))
        {
            throw new HttpRefusedException("431 Request Header Fields Too Large");
        }
        return end >= 0;
    }

    private static HttpRequestHead ReadLine(ReadOnlySpan<byte> line)
    {
        string[] words = Encoding.ASCII.GetString(line).Split(' ');
        if (line.ContainsAnyExceptInRange((byte)' ', (byte)'~') || words.Length != 3)
        {
            throw new HttpRefusedException("400 Bad Request");
        }
        if (!words[2].StartsWith("HTTP/1.", StringComparison.Ordinal))
        {
            throw new HttpRefusedException("505 HTTP Version Not Supported");
        }
        string target = words[1];
        int query = target.IndexOf('?', StringComparison.Ordinal);
        return new HttpRequestHead(words[0], query < 0 ? target : target[..query]);
    }
}
