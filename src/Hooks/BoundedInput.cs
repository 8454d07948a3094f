// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Hooks;

/// <summary>Reads a stream up to a limit, so that no XML can make a hook large or slow.</summary>
internal static class BoundedInput
{
    private const int FirstLength = 64 * 1024; // an ordinary domain has 5 to 20 KiB

    internal static ReadOnlySpan<byte> Read(Stream input, int limit)
    {
        byte[] buffer = new byte[Math.Min(FirstLength, limit)];
        int length = 0;
        while (true)
        {
            int read = input.Read(buffer, length, buffer.Length - length);
            length += read;
            if (read == 0 || length == limit)
            {
                return buffer.AsSpan(0, length);
            }

            if (length == buffer.Length)
            {
                Array.Resize(ref buffer, Math.Min(2 * buffer.Length, limit));
            }
        }
    }
}
