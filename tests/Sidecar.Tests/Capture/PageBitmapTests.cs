// SPDX-License-Identifier: LGPL-2.1-or-later
using CsCheck;
using Hikae.Sidecar.Capture;
using Xunit;

namespace Hikae.Sidecar.Tests.Capture;

public sealed class PageBitmapTests
{
    [Fact]
    public void Set_pages_come_back_as_the_same_runs()
    {
        Gen<(int, int)> run = Gen.Select(Gen.Int[0, 299], Gen.Int[0, 130]);
        Gen.Select(Gen.Int[300, 500], run.Array[0, 6]).Sample((pages, runs) =>
        {
            var bitmap = new PageBitmap(pages);
            bool[] expected = new bool[pages];
            foreach ((int first, int count) in runs)
            {
                int fits = Math.Min(count, pages - first);
                bitmap.Set(first, fits);
                expected.AsSpan(first, fits).Fill(true);
                int cleared = fits / 3;
                bitmap.Reset(first + cleared, cleared);
                expected.AsSpan(first + cleared, cleared).Clear();
            }

            bool[] found = new bool[pages];
            for (long from = 0; bitmap.TryNextRun(from, out long first, out long count); from = first + count)
            {
                found.AsSpan((int)first, (int)count).Fill(true);
            }

            Assert.Equal(expected, found);
            Assert.Equal(expected, Enumerable.Range(0, pages).Select(page => bitmap[page]));
            Assert.Equal(expected.Count(set => set), bitmap.Count());
        });
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, -1)]
    [InlineData(0, 101)]
    [InlineData(100, 1)]
    [InlineData(long.MaxValue, 2)]
    [InlineData(1, long.MaxValue)]
    public void Pages_that_do_not_exist_are_an_error(long first, long count) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new PageBitmap(100).Set(first, count));

    [Fact]
    public void Bits_behind_the_last_page_are_not_taken_over()
    {
        var bitmap = new PageBitmap(70);
        bitmap.Load([.. Enumerable.Repeat((byte)0xff, 100)]);
        Assert.Equal(70, bitmap.Count());
    }

    [Fact]
    public void Removing_clears_exactly_the_others_bits()
    {
        var bitmap = new PageBitmap(200);
        var written = new PageBitmap(200);
        bitmap.Set(10, 100);
        written.Set(50, 100);
        bitmap.Remove(written);
        Assert.True(bitmap.TryNextRun(0, out long first, out long count));
        Assert.Equal((10, 40), (first, count));
        Assert.False(bitmap.TryNextRun(50, out _, out _));
    }
}
