// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Hikae.Sidecar.Disk.Content;

/// <summary>Gives a page or block of 4 KiB its tag: two with the same tag are the same.</summary>
/// <remarks>
/// The tag is a universal hash under random keys of this process that nobody else sees: a guest that may choose blocks, but sees neither keys nor tags, cannot make two collide.
/// <see cref="InnerProductHash"/>, or GHASH, the hash of AES-GCM, where the processor cannot: GCM's authentication tag of the block as additional data, with a fixed nonce, which only adds
/// a constant; for two given blocks that differ at most 2^-119 of all keys give them the same tag. Any thread may call.
/// </remarks>
internal sealed class BlockTagger
{
    /// <summary>The tag of a block of zeros, whatever the key: such blocks are found otherwise.</summary>
    public static readonly UInt128 Zeros = 0;

    private const int TagBytes = 16;

    private static readonly byte[] Nonce = new byte[12];

    private readonly InnerProductHash? _hash;
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(16);

    // A cipher serves one thread at a time. There are as many as threads, and they live as long as this process.
    private readonly ConcurrentBag<AesGcm> _ciphers = [];

    public BlockTagger()
        : this(InnerProductHash.IsSupported)
    {
    }

    /// <param name="multiplies">False: as where the processor cannot multiply without carry.</param>
    internal BlockTagger(bool multiplies)
    {
        if (multiplies)
        {
            var keys = new UInt128[InnerProductHash.Words];
            RandomNumberGenerator.Fill(MemoryMarshal.AsBytes(keys.AsSpan()));
            _hash = new InnerProductHash(keys);
        }
    }

    /// <summary>The tag of one block.</summary>
    public UInt128 TagOf(ReadOnlySpan<byte> block)
    {
        if (block.IndexOfAnyExcept((byte)0) < 0)
        {
            return Zeros;
        }
        if (_hash is not null)
        {
            return _hash.Of(block);
        }
        if (!_ciphers.TryTake(out AesGcm? cipher))
        {
            cipher = new AesGcm(_key, TagBytes);
        }
        Span<byte> tag = stackalloc byte[TagBytes];
        cipher.Encrypt(Nonce, [], [], tag, block);
        _ciphers.Add(cipher);
        return MemoryMarshal.Read<UInt128>(tag);
    }

    /// <summary>The tags of several blocks, one behind the other.</summary>
    public void TagAll(ReadOnlySpan<byte> blocks, Span<UInt128> tags)
    {
        for (int i = 0; i < tags.Length; i++)
        {
            tags[i] = TagOf(blocks.Slice(i * ContentIndex.BlockBytes, ContentIndex.BlockBytes));
        }
    }
}
