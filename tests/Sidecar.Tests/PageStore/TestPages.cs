// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text;
using ZstdSharp;

namespace Hikae.Sidecar.Tests.PageStore;

/// <summary>Pages that can be made again from a number.</summary>
internal static class TestPages
{
    /// <summary>A page that does not compress.</summary>
    internal static byte[] Random(int seed)
    {
        byte[] page = new byte[4096];
        new Random(seed).NextBytes(page);
        return page;
    }

    /// <summary>A page that compresses to between a few dozen bytes and about 3 KB, as its number says.</summary>
    internal static byte[] Text(int seed)
    {
        Random random = new(seed);
        byte[] page = new byte[4096];
        byte[] words = Encoding.ASCII.GetBytes("epoch checkpoint replica primary backup hard soft page zero free ");
        int noise = random.Next(3000);
        random.NextBytes(page.AsSpan(0, noise));
        for (int i = noise; i < page.Length; i++)
        {
            page[i] = words[(i + seed) % words.Length];
        }
        return page;
    }

    internal static byte[] Compress(byte[] bytes)
    {
        using Compressor compressor = new(1);
        return compressor.Wrap(bytes).ToArray();
    }
}
