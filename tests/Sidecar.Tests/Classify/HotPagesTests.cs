// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Classify;
using Xunit;

namespace Hikae.Sidecar.Tests.Classify;

public sealed class HotPagesTests : IDisposable
{
    private const int PageBytes = ReplicationLimits.PageBytes;
    private const long GuestBytes = HotPages.MaxBytes * HotPages.GuestPagesPerPage;

    private readonly HotPages _pages = new();
    private readonly byte[] _delta = new byte[ReplicationLimits.MaxDeltaBytes];
    private readonly byte[] _bytes = new byte[PageBytes];
    private ulong _epoch = 1;

    public HotPagesTests()
    {
        new Random(17).NextBytes(_bytes);
        _pages.Reset(GuestBytes);
        _pages.Begin(_epoch);
    }

    [Fact]
    public void A_page_goes_as_delta_from_the_third_time_on_against_what_was_sent_last()
    {
        Assert.False(Send(7));
        Assert.Equal(0, _pages.Count);
        Assert.False(Send(7));
        byte[] replica = [.. _bytes];

        for (int i = 0; i < 20; i++)
        {
            _bytes[i * 100] ^= 1;
            Assert.True(Send(7, out int length));
            Assert.Equal(5, length);
            PageDelta.Apply(_delta.AsSpan(0, length), replica);
            Assert.Equal(_bytes, replica);
        }
    }

    [Fact]
    public void A_page_of_the_same_epoch_goes_as_delta_too()
    {
        Assert.False(Send(7, pause: 0));
        Assert.False(Send(7, pause: 0));
        Assert.True(Send(7, pause: 0));
    }

    [Theory]
    [InlineData(HotPages.WindowEpochs, 1)]
    [InlineData(HotPages.WindowEpochs + 1, 0)]
    public void A_page_that_is_sent_seldom_is_not_kept(int pause, int kept)
    {
        Send(7);
        Send(7, pause);

        Assert.Equal(kept, _pages.Count);
    }

    [Fact]
    public void A_page_that_was_sent_once_is_not_kept()
    {
        for (uint page = 0; page < 100_000; page++)
        {
            Send(page, pause: 0);
        }

        Assert.Equal(0, _pages.Count);
    }

    [Fact]
    public void A_page_of_which_something_else_was_said_is_no_version_to_begin_with()
    {
        foreach (uint page in (uint[])[6, 7, 8])
        {
            Send(page);
            Send(page);
        }

        _pages.Drop(0, 7, 1);

        Assert.False(Send(7));
        Assert.True(Send(6));
        Assert.True(Send(8));
        _pages.Drop(0, 0, uint.MaxValue);
        Assert.Equal(0, _pages.Count);
    }

    [Fact]
    public void A_page_in_which_too_much_changes_is_not_kept_and_waits_for_its_next_try()
    {
        var sent = new List<bool>();
        for (int i = 0; i < 9; i++)
        {
            new Random(i).NextBytes(_bytes);
            Assert.False(Send(7));
            sent.Add(_pages.Count == 1);
        }

        Assert.Equal([false, true, false, false, true, false, false, true, false], sent);
    }

    [Fact]
    public void Pages_of_different_blocks_are_different()
    {
        Send(7);
        Send(7);

        Assert.False(_pages.TryEncode(1, 7, _bytes, _delta, out _));
        Assert.True(Send(7));
    }

    [Fact]
    public void Nothing_is_known_after_a_reset()
    {
        Send(7);
        Send(7);
        Send(8);

        _pages.Reset(GuestBytes);

        Assert.False(Send(7));
        Assert.False(Send(8));
        Assert.Equal(0, _pages.Count);
    }

    [Fact]
    public void A_page_that_is_not_sent_any_more_is_forgotten()
    {
        Send(7);
        Send(7);

        _pages.Begin(_epoch + HotPages.KeptEpochs);
        Assert.Equal(1, _pages.Count);
        _pages.Begin(_epoch + HotPages.KeptEpochs + 1);
        Assert.Equal(0, _pages.Count);
    }

    [Theory]
    [InlineData(GuestBytes, HotPages.MaxBytes)]
    [InlineData(GuestBytes * 100, HotPages.MaxBytes)]
    [InlineData(16 << 20, 1 << 20)]
    [InlineData(4096, 0)]
    public void What_is_kept_is_bounded_and_a_guest_that_writes_more_keeps_its_first_pages(long guestBytes, long mostBytes)
    {
        _pages.Reset(guestBytes);
        uint most = (uint)(mostBytes / PageBytes);
        int deltas = 0;
        for (int round = 0; round < 3; round++)
        {
            _pages.Begin(++_epoch);
            for (uint page = 0; page < (2 * most) + 10; page++)
            {
                deltas += _pages.TryEncode(0, page, _bytes, _delta, out _) ? 1 : 0;
            }
            Assert.InRange(_pages.Count, 0, (int)most);
        }

        // Notes of pages that were sent push each other out, so not all are kept at the first try.
        Assert.InRange(deltas, (int)(most * 3 / 4), (int)most);
    }

    [Fact]
    public void A_page_of_a_guest_whose_pages_are_all_hot_takes_the_place_of_one_that_cooled()
    {
        _pages.Reset(GuestPagesFor(1));
        Send(7);
        Send(7);
        Send(8);
        Send(8);
        Assert.True(Send(7));

        Send(8, HotPages.WindowEpochs);
        Send(8);

        Assert.False(Send(7));
        Assert.True(Send(8));
    }

    [Fact]
    public void Nothing_is_allocated_for_a_page()
    {
        SendMany();

        long before = GC.GetAllocatedBytesForCurrentThread();
        SendMany();

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void SendMany()
        {
            for (int round = 0; round < 10; round++)
            {
                _pages.Begin(++_epoch);
                for (uint page = 0; page < 3000; page++)
                {
                    _bytes[page] ^= 1;
                    _pages.TryEncode(0, page, _bytes, _delta, out _);
                }
                _pages.Drop(0, 0, 100);
            }
        }
    }

    public void Dispose() => _pages.Dispose();

    private static long GuestPagesFor(int pages) => (long)pages * PageBytes * HotPages.GuestPagesPerPage;

    private bool Send(uint page, int pause = 1) => Send(page, out _, pause);

    private bool Send(uint page, out int length, int pause = 1)
    {
        _epoch += (ulong)pause;
        _pages.Begin(_epoch);
        return _pages.TryEncode(0, page, _bytes, _delta, out length);
    }
}
