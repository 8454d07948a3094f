// SPDX-License-Identifier: LGPL-2.1-or-later
using CsCheck;
using Hikae.Protocol.Replication;
using Xunit;

namespace Hikae.Protocol.Tests.Replication;

public sealed class PageDeltaTests
{
    private const int PageBytes = ReplicationLimits.PageBytes;

    // More than any delta of a page takes: runs are a word apart, so there is at most one head for two words.
    private readonly byte[] _delta = new byte[2 * PageBytes];

    [Fact]
    public void Any_edits_of_any_page_come_back()
    {
        Gen<(int Seed, (int At, int Length, int Seed)[] Edits)> history = Gen.Select(
            Gen.Int[0, 99], Gen.Select(Gen.Int[0, PageBytes - 1], Gen.OneOf(Gen.Int[1, 9], Gen.Int[1, 600]), Gen.Int[0, 255]).Array[0, 40]);

        FixedSeed.Each(history, 20_000, input =>
        {
            byte[] before = input.Seed < 10 ? new byte[PageBytes] : Noise(input.Seed);
            byte[] after = [.. before];
            foreach ((int at, int length, int seed) in input.Edits)
            {
                new Random(seed).NextBytes(after.AsSpan(at, Math.Min(length, PageBytes - at)));
            }

            Assert.Equal(after, Apply(before, Encode(before, after)));
        });
    }

    [Fact]
    public void A_page_that_did_not_change_has_no_run() => Assert.Empty(Encode(Noise(1), Noise(1)));

    [Fact]
    public void Each_byte_of_a_page_may_change_alone()
    {
        byte[] before = Noise(1);
        for (int at = 0; at < PageBytes; at++)
        {
            byte[] after = [.. before];
            after[at] ^= 0x10;

            Assert.Equal([(byte)(at >> 8), (byte)at, 0, 1, after[at]], Encode(before, after));
        }
    }

    [Fact]
    public void The_bytes_on_the_wire_are_those_of_the_document()
    {
        byte[] after = new byte[PageBytes];
        after[0x123] = 0xAA;
        after[0x12B] = 0xBB;
        after[0xFFF] = 0xCC;

        Assert.Equal("01230009AA00000000000000BB" + "0FFF0001CC", Convert.ToHexString(Encode(new byte[PageBytes], after)));
    }

    [Fact]
    public void A_delta_that_is_a_byte_too_long_is_none()
    {
        byte[] after = Noise(2);
        after.AsSpan(100, 1000).Clear();
        byte[] delta = Encode(Noise(2), after);

        Assert.True(PageDelta.TryEncode(Noise(2), after, new byte[delta.Length], out int length));
        Assert.Equal(delta.Length, length);
        Assert.False(PageDelta.TryEncode(Noise(2), after, new byte[delta.Length - 1], out _));
    }

    [Fact]
    public void A_few_words_take_a_few_bytes()
    {
        byte[] after = Noise(3);
        for (int word = 0; word < 6; word++)
        {
            after.AsSpan(word * 640, 8).Fill((byte)word);
        }

        Assert.InRange(Encode(Noise(3), after).Length, 6 * 5, 6 * 12);
    }

    [Theory]
    [InlineData("00000000")] // an empty run
    [InlineData("0FFF0002AAAA")] // past the end
    [InlineData("10000001AA")] // at the end
    [InlineData("FFFF0001AA")]
    [InlineData("0000FFFFAA")]
    [InlineData("00100002AAAA00110001BB")] // into the run before
    [InlineData("00100001AA00000001BB")] // back
    [InlineData("000000")] // cut
    [InlineData("00000002AA")]
    [InlineData("00000001AA00")]
    public void A_run_that_cannot_be_is_refused(string delta) =>
        Assert.Throws<ReplicationProtocolException>(() => PageDelta.Apply(Convert.FromHexString(delta), new byte[PageBytes]));

    [Fact]
    public void Neighbouring_runs_are_taken() =>
        Assert.Equal([1, 2, 3], Apply(new byte[PageBytes], Convert.FromHexString("0000000201020002000103"))[..3]);

    [Fact]
    public void Random_bytes_are_applied_within_the_page_or_refused()
    {
        Gen<byte> telling = Gen.OneOf(Gen.Byte, Gen.Int[0, 5].Select(i => (byte)new[] { 0, 1, 4, 0x0F, 0x10, 0xFF }[i]));
        int refused = 0;
        FixedSeed.Each(telling.Array[0, 60], 40_000, delta =>
        {
            byte[] memory = Noise(5)[..64].Concat(new byte[PageBytes]).Concat(Noise(6)[..64]).ToArray();
            try
            {
                PageDelta.Apply(delta, memory.AsSpan(64));
            }
            catch (ReplicationProtocolException)
            {
                refused++;
            }
            Assert.True(memory.AsSpan(0, 64).SequenceEqual(Noise(5).AsSpan(0, 64)) && memory.AsSpan(64 + PageBytes).SequenceEqual(Noise(6).AsSpan(0, 64)));
        });
        Assert.InRange(refused, 1000, 39_999);
    }

    [Fact]
    public void Encoding_and_applying_allocate_nothing()
    {
        byte[] before = Noise(7);
        byte[] after = Noise(7);
        after[77] ^= 1;
        after[4000] ^= 1;
        Pass(100);

        long allocated = GC.GetAllocatedBytesForCurrentThread();
        Pass(1000);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - allocated);

        void Pass(int count)
        {
            for (int i = 0; i < count; i++)
            {
                PageDelta.TryEncode(before, after, _delta, out int length);
                PageDelta.Apply(_delta.AsSpan(0, length), before);
                (before, after) = (after, before);
            }
        }
    }

    private static byte[] Noise(int seed)
    {
        byte[] page = new byte[PageBytes];
        new Random(seed).NextBytes(page);
        return page;
    }

    private byte[] Encode(byte[] before, byte[] after)
    {
        Assert.True(PageDelta.TryEncode(before, after, _delta, out int length));
        return _delta[..length];
    }

    private static byte[] Apply(byte[] before, byte[] delta)
    {
        byte[] page = [.. before];
        PageDelta.Apply(delta, page);
        return page;
    }
}
