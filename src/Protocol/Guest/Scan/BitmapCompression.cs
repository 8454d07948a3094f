// SPDX-License-Identifier: LGPL-2.1-or-later
using System.IO.Compression;

namespace Hikae.Protocol.Guest;

/// <summary>Brotli over bitmaps, with the bounds that make it safe to unpack what a hostile guest packed.</summary>
/// <remarks>
/// The output bound is the destination span: the decoder stops there. The memory bound is the window, which the
/// stream itself declares in its first byte and which may be 16 MiB; we refuse more than <see cref="MaxWindowBits"/>
/// before the decoder sees a byte.
/// </remarks>
internal static class BitmapCompression
{
    /// <summary>256 KiB: four times the bitmaps of the largest slice.</summary>
    internal const int MaxWindowBits = 18;

    // 2 is the fastest level that keeps to a window this small (0 and 1 raise it to 18), and level 5 saves a few per cent only.
    private const int Quality = 2;
    private const int WindowBits = 16;

    internal static bool TryCompress(ReadOnlySpan<byte> plain, Span<byte> destination, out int written) =>
        BrotliEncoder.TryCompress(plain, destination, out written, Quality, WindowBits);

    /// <summary>True only if the stream fills the destination exactly.</summary>
    internal static bool TryDecompress(ReadOnlySpan<byte> compressed, Span<byte> destination) =>
        !compressed.IsEmpty
        && DeclaredWindowBits(compressed[0]) <= MaxWindowBits
        && BrotliDecoder.TryDecompress(compressed, destination, out int written)
        && written == destination.Length;

    /// <summary>RFC 7932, section 9.1: WBITS. A reserved pattern counts as too large.</summary>
    internal static int DeclaredWindowBits(byte first)
    {
        if ((first & 1) == 0)
        {
            return 16;
        }

        int upper = (first >> 1) & 7;
        if (upper != 0)
        {
            return 17 + upper;
        }

        int lower = (first >> 4) & 7;
        return lower switch
        {
            0 => 17,
            1 => int.MaxValue,
            _ => 8 + lower,
        };
    }
}
