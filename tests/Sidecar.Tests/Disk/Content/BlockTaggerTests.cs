// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Disk.Content;
using Xunit;

namespace Hikae.Sidecar.Tests.Disk.Content;

public sealed class BlockTaggerTests
{
    private readonly BlockTagger _tagger = new();

    [Fact]
    public void Blocks_that_differ_in_one_bit_have_different_tags()
    {
        byte[] block = new byte[ContentIndex.BlockBytes];
        new Random(1).NextBytes(block);
        var tags = new HashSet<UInt128> { _tagger.TagOf(block) };

        for (int bit = 0; bit < block.Length * 8; bit += 7)
        {
            block[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.True(tags.Add(_tagger.TagOf(block)), $"bit {bit}");
            block[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        Assert.False(tags.Add(_tagger.TagOf(block)));
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
}
