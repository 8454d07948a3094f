// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Classify;
using Xunit;
using ZstdSharp;

namespace Hikae.Sidecar.Tests.Classify;

public sealed class PageEncoderTests : IDisposable
{
    private const int PageBytes = 4096;

    private readonly PageEncoder _encoder = new();
    private readonly Random _random = new(17);
    private readonly byte[] _page = new byte[PageBytes];
    private readonly byte[] _stored = new byte[PageBytes];

    [Fact]
    public void A_zero_page_takes_nothing() => Assert.Equal(0, _encoder.Encode(_page, _stored));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(PageBytes - 1)]
    public void A_page_with_one_byte_is_not_zero(int at)
    {
        _page[at] = 1;

        int length = _encoder.Encode(_page, _stored);

        Assert.InRange(length, 1, 100);
        Assert.Equal(_page, Unwrap(length));
    }

    [Fact]
    public void A_page_of_noise_is_kept_as_it_is()
    {
        _random.NextBytes(_page);

        Assert.Equal(PageBytes, _encoder.Encode(_page, _stored));
        Assert.Equal(_page, _stored);
    }

    [Fact]
    public void Any_mixture_of_text_and_noise_comes_back()
    {
        for (int noise = 0; noise <= PageBytes; noise += 64)
        {
            Array.Fill(_page, (byte)'a');
            _random.NextBytes(_page.AsSpan(0, noise));

            int length = _encoder.Encode(_page, _stored);

            // What saves less than 128 bytes is not worth unpacking.
            Assert.True(length is PageBytes or (> 0 and <= PageBytes - 128), $"{noise} bytes of noise gave {length} stored bytes");
            Assert.Equal(_page, length == PageBytes ? _stored : Unwrap(length));
        }
    }

    [Fact]
    public void Encoding_allocates_nothing()
    {
        byte[] noise = new byte[PageBytes];
        _random.NextBytes(noise);
        _page.AsSpan(0, 2000).Fill(7);
        EncodeThree(50); // the JIT settles here, outside the measurement

        long before = GC.GetAllocatedBytesForCurrentThread();
        EncodeThree(200);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void EncodeThree(int count)
        {
            Span<byte> zero = stackalloc byte[PageBytes];
            zero.Clear();
            for (int i = 0; i < count; i++)
            {
                _encoder.Encode(_page, _stored);
                _encoder.Encode(noise, _stored);
                _encoder.Encode(zero, _stored);
            }
        }
    }

    public void Dispose() => _encoder.Dispose();

    private byte[] Unwrap(int length)
    {
        using var decompressor = new Decompressor();
        return decompressor.Unwrap(_stored.AsSpan(0, length)).ToArray();
    }
}
