// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Hikae.Sidecar.Disk.Content;

/// <summary>A universal hash of blocks of 4 KiB: the sum of their 256 words of 128 bits, each times a key of its own, in the field of 2^128 elements.</summary>
/// <remarks>
/// Of two blocks that differ take a word in which they do: whatever the keys of all other words, exactly one of the 2^128 keys of this one gives both blocks the same sum. So with
/// random keys that nobody sees two given blocks collide with a probability of 2^-128. (Carter and Wegman's inner product hash; the proof needs no more than that a field has no zero divisors.)
///
/// A number's bit i is the coefficient of x^i, and the field's polynomial x^128 + x^7 + x^2 + x + 1. One of the cheapest ways to hash at all where the processor multiplies
/// without carry: the products are added up as they are, 255 bits, and reduced once. Any thread.
/// </remarks>
internal sealed class InnerProductHash
{
    public const int Words = ContentIndex.BlockBytes / 16;

    // x^128 is x^7 + x^2 + x + 1.
    private const ulong Folded = 0x87;

    private readonly Vector128<ulong>[] _keys = new Vector128<ulong>[Words];

    /// <param name="keys">As many as there are words; random.</param>
    public InnerProductHash(ReadOnlySpan<UInt128> keys)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(keys.Length, Words);
        MemoryMarshal.Cast<UInt128, Vector128<ulong>>(keys).CopyTo(_keys);
    }

    /// <summary>Whether this processor can.</summary>
    public static bool IsSupported => Pclmulqdq.IsSupported;

    /// <summary>The hash of one block.</summary>
    public UInt128 Of(ReadOnlySpan<byte> block)
    {
        ReadOnlySpan<Vector128<ulong>> words = MemoryMarshal.Cast<byte, Vector128<ulong>>(block[..ContentIndex.BlockBytes]);
        ReadOnlySpan<Vector128<ulong>> keys = _keys;
        Vector128<ulong> low = default;
        Vector128<ulong> middle = default;
        Vector128<ulong> high = default;
        for (int i = 0; i < words.Length; i++)
        {
            Vector128<ulong> word = words[i];
            Vector128<ulong> key = keys[i];
            low ^= Pclmulqdq.CarrylessMultiply(word, key, 0x00);
            middle ^= Pclmulqdq.CarrylessMultiply(word, key, 0x01) ^ Pclmulqdq.CarrylessMultiply(word, key, 0x10);
            high ^= Pclmulqdq.CarrylessMultiply(word, key, 0x11);
        }

        // From x^192 on, then from x^128 on.
        Vector128<ulong> fold = Fold(high[1]);
        ulong third = high[0] ^ middle[1] ^ fold[1];
        ulong second = low[1] ^ middle[0] ^ fold[0];
        fold = Fold(third);
        return new UInt128(second ^ fold[1], low[0] ^ fold[0]);
    }

    private static Vector128<ulong> Fold(ulong part) => Pclmulqdq.CarrylessMultiply(Vector128.CreateScalar(part), Vector128.CreateScalar(Folded), 0x00);
}
