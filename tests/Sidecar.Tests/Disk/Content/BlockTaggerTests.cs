// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;
using Hikae.Sidecar.Disk.Content;
using Xunit;

namespace Hikae.Sidecar.Tests.Disk.Content;

public sealed class BlockTaggerTests
{
    private readonly BlockTagger _tagger = new();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Blocks_that_differ_in_one_bit_have_different_tags(bool multiplies)
    {
        Assert.SkipUnless(InnerProductHash.IsSupported || !multiplies, "needs a processor that multiplies without carry");
        var tagger = new BlockTagger(multiplies);
        byte[] block = new byte[ContentIndex.BlockBytes];
        new Random(1).NextBytes(block);
        var tags = new HashSet<UInt128> { tagger.TagOf(block) };

        for (int bit = 0; bit < block.Length * 8; bit += 7)
        {
            block[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.True(tags.Add(tagger.TagOf(block)), $"bit {bit}");
            block[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        Assert.False(tags.Add(tagger.TagOf(block)));
    }

    [Fact]
    public void The_hash_is_the_sum_of_words_times_keys_in_the_field_of_128_bits()
    {
        Assert.SkipUnless(InnerProductHash.IsSupported, "needs a processor that multiplies without carry");
        var random = new Random(5);
        for (int round = 0; round < 20; round++)
        {
            UInt128[] keys = new UInt128[InnerProductHash.Words];
            UInt128[] words = new UInt128[InnerProductHash.Words];
            random.NextBytes(MemoryMarshal.AsBytes(keys.AsSpan()));
            random.NextBytes(MemoryMarshal.AsBytes(words.AsSpan()));
            (words[0], keys[0]) = (UInt128.MaxValue, UInt128.MaxValue);

            UInt128 sum = words.Zip(keys, Product).Aggregate(UInt128.Zero, (all, product) => all ^ product);

            Assert.Equal(sum, new InnerProductHash(keys).Of(MemoryMarshal.AsBytes(words.AsSpan())));
        }
    }

    [Fact]
    public void Nobody_can_tell_a_tag_who_does_not_have_the_key()
    {
        byte[] block = [.. Enumerable.Repeat((byte)7, ContentIndex.BlockBytes)];

        Assert.NotEqual(new BlockTagger().TagOf(block), _tagger.TagOf(block));
        Assert.Equal(BlockTagger.Zeros, _tagger.TagOf(new byte[ContentIndex.BlockBytes]));
    }

    [Fact]
    public async Task Any_number_of_threads_get_the_same_tags()
    {
        byte[][] blocks = [.. Enumerable.Range(1, 50).Select(i => Enumerable.Repeat((byte)i, ContentIndex.BlockBytes).ToArray())];
        UInt128[] tags = [.. blocks.Select(block => _tagger.TagOf(block))];

        UInt128[][] found = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
        {
            var all = new UInt128[50];
            for (int round = 0; round < 100; round++)
            {
                _tagger.TagAll(blocks.SelectMany(block => block).ToArray(), all);
            }

            return all;
        })));

        Assert.All(found, all => Assert.Equal(tags, all));
    }

    // Bit by bit: the second factor is multiplied by x and reduced, again and again.
    private static UInt128 Product(UInt128 first, UInt128 second)
    {
        UInt128 product = 0;
        for (int bit = 0; bit < 128; bit++)
        {
            product ^= ((first >> bit) & 1) != 0 ? second : 0;
            second = (second << 1) ^ ((second >> 127) != 0 ? (UInt128)0x87 : 0);
        }
        return product;
    }
}
