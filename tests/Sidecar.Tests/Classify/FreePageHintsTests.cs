// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Guest;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Classify;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Hikae.Sidecar.Tests.Classify;

/// <summary>A guest of 256 pages in one RAM block; the test plays the channel's thread, too.</summary>
public sealed class FreePageHintsTests
{
    private readonly FakeTimeProvider _clock = new();
    private readonly RecordingAgent _agent = new();
    private readonly FreePageHints _hints;

    public FreePageHintsTests()
    {
        _hints = new FreePageHints(MemoryTrees.Small(), _agent, _clock);
    }

    private IScanAnswers Channel => _hints;

    [Fact]
    public void A_free_page_is_dropped_unless_it_was_written_between_question_and_checkpoint()
    {
        _hints.MarkWritten(0, 10, 1); // before the question: of no account
        _hints.Ask(1);
        _hints.MarkWritten(0, 20, 5); // by a checkpoint while the agent scans
        Answer(1, 10, 20, 21, 30, 255);
        _hints.MarkWritten(0, 30, 1); // by the checkpoint that takes the answer

        Assert.True(_hints.TryTakeAnswer(out FreePageAnswer answer));
        Assert.Equal([10L, 255L], Droppable(answer));
        Assert.Equal(1UL, answer.ScanNumber);
        Assert.Equal(2, _hints.FreePages);
    }

    [Fact]
    public void A_part_that_was_never_asked_about_need_not_wait_until_the_guest_has_rested()
    {
        var hints = new FreePageHints(MemoryTrees.Small(), _agent, _clock, pagesPerScan: 100);
        for (ulong question = 1; question <= 3; question++)
        {
            Assert.True(hints.HasUnasked);
            hints.ForgoRest();
            Assert.True(hints.MayAsk);
            hints.Ask(question);
            Assert.False(hints.MayAsk);
            hints.ForgoRest();
            Assert.False(hints.MayAsk);
            ((IScanAnswers)hints).TakeEnd(End(question, slices: 0));
            Assert.True(hints.TryTakeAnswer(out _));
        }

        Assert.Equal([0UL, 100UL, 200UL], _agent.Requests.Select(request => request.FirstPfn));
        Assert.False(hints.HasUnasked);
        Assert.False(hints.MayAsk);
    }

    [Fact]
    public void An_answer_is_used_once()
    {
        _hints.Ask(1);
        Answer(1, 10);
        Assert.True(_hints.TryTakeAnswer(out _));
        Assert.False(_hints.TryTakeAnswer(out _));
    }

    [Fact]
    public void An_answer_that_is_not_complete_is_not_used()
    {
        _hints.Ask(1);
        Assert.True(Slice(1, 0, 256, [10], []));
        Assert.False(_hints.TryTakeAnswer(out _));
        Assert.False(Channel.TakeEnd(End(1, slices: 2)));
        Assert.False(_hints.TryTakeAnswer(out _));
        Assert.True(Channel.TakeEnd(End(1, slices: 1)));
        Assert.True(_hints.TryTakeAnswer(out _));
    }

    [Fact]
    public void A_late_answer_does_not_count_for_the_next_question()
    {
        _hints.Ask(1);
        Answer(1, 10);
        _hints.MarkWritten(0, 10, 1);
        _hints.Ask(2); // forgets question 1, whose answer lies ready, and with it the mark on page 10

        Assert.False(_hints.TryTakeAnswer(out _));
        Assert.False(Channel.IsWanted(1));
        Assert.False(Slice(1, 0, 256, [11], []));
        Answer(2, 12);
        Assert.True(_hints.TryTakeAnswer(out FreePageAnswer answer));
        Assert.Equal([12L], Droppable(answer));
    }

    [Fact]
    public void Half_an_old_answer_does_not_leak_into_the_next()
    {
        _hints.Ask(1);
        Assert.True(Slice(1, 0, 256, [10], []));
        _hints.Ask(2);
        Answer(2, 12);
        Assert.True(_hints.TryTakeAnswer(out FreePageAnswer answer));
        Assert.Equal([12L], Droppable(answer));
    }

    [Fact]
    public void Buffers_come_back_clean_round_after_round()
    {
        for (ulong scan = 1; scan < 10; scan++)
        {
            _hints.Ask(scan);
            Answer(scan, (int)scan);
            Assert.True(_hints.TryTakeAnswer(out FreePageAnswer answer));
            Assert.Equal([(long)scan], Droppable(answer));
        }
    }

    [Fact]
    public void After_the_end_nothing_more_is_taken_under_that_number()
    {
        _hints.Ask(1);
        Answer(1, 10);
        Assert.False(Channel.IsWanted(1));
        Assert.False(Slice(1, 0, 256, [11], []));
        Assert.False(Channel.TakeEnd(End(1, slices: 0)));
        Assert.True(_hints.TryTakeAnswer(out FreePageAnswer answer));
        Assert.Equal([10L], Droppable(answer));
        Assert.False(Channel.TakeEnd(End(1, slices: 0)));
    }

    [Theory]
    [InlineData(0UL, 257)] // one page beyond what was asked
    [InlineData(256UL, 8)]
    [InlineData(GuestProtocol.MaxPfn - 8, 8)]
    public void Page_frames_that_were_not_asked_for_are_refused(ulong firstPfn, int pages)
    {
        _hints.Ask(1);
        Assert.False(Slice(1, firstPfn, pages, [0], []));
    }

    [Fact]
    public void Slices_that_overlap_or_go_back_are_refused()
    {
        _hints.Ask(1);
        Assert.True(Slice(1, 0, 16, [0], []));
        Assert.False(Slice(1, 0, 16, [0], []));
        Assert.False(Slice(1, 15, 8, [0], []));
        Assert.True(Slice(1, 16, 8, [0], []));
    }

    [Fact]
    public void More_slices_than_an_honest_agent_sends_are_refused()
    {
        _hints.Ask(1);
        int taken = 0;
        while (taken < 256 && Slice(1, (ulong)taken, 1, [0], []))
        {
            taken++;
        }

        Assert.InRange(taken, 1, 32);
    }

    [Fact]
    public void Frames_that_are_no_memory_are_ignored_and_frames_above_4_GiB_find_their_page()
    {
        GuestMemoryMap map = MemoryTrees.Parse(MemoryTrees.Q35With3GiB, MemoryTrees.Q35Blocks);
        var hints = new FreePageHints(map, _agent, _clock, pagesPerScan: 0x200000);
        hints.Ask(1);
        Assert.True(Slice(hints, 1, 0xb0, 64, [0, 15, 16, 63], [1])); // 0xc0 and 0xef are rom
        Assert.True(Slice(hints, 1, 0x80000, 64, [0], [])); // between the two stretches
        Assert.True(Slice(hints, 1, 0x100000, 64, [5], []));
        Assert.True(((IScanAnswers)hints).TakeEnd(End(1, 3)));
        Assert.True(hints.TryTakeAnswer(out FreePageAnswer answer));
        Assert.Equal([0xb0L, 0xbf, 0x80005], Droppable(answer, block: 1));
        Assert.Equal(1, hints.CachePages);
    }

    [Fact]
    public void A_big_guest_is_asked_part_by_part_and_its_counts_add_up()
    {
        var hints = new FreePageHints(MemoryTrees.Small(), _agent, _clock, pagesPerScan: 100);
        for (ulong scan = 1; scan <= 4; scan++)
        {
            hints.Ask(scan);
            Assert.True(Slice(hints, scan, _agent.Requests[^1].FirstPfn, 8, [0, 1], [2]));
            Assert.True(((IScanAnswers)hints).TakeEnd(End(scan, 1)));
            Assert.True(hints.TryTakeAnswer(out _));
        }

        Assert.Equal([(0UL, 100UL), (100UL, 100UL), (200UL, 56UL), (0UL, 100UL)], _agent.Requests.Select(r => (r.FirstPfn, r.PfnCount)));
        Assert.Equal(6, hints.FreePages);
        Assert.Equal(3, hints.CachePages);
    }

    [Fact]
    public void The_guest_rests_a_hundred_times_as_long_as_it_scanned()
    {
        Assert.True(_hints.MayAsk);
        _hints.Ask(1);
        _clock.Advance(TimeSpan.FromSeconds(29));
        Assert.False(_hints.MayAsk); // waits for the answer
        Answer(1);
        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.True(_hints.TryTakeAnswer(out _));
        Assert.True(_hints.MayAsk);

        _hints.Ask(2);
        Assert.True(Channel.TakeEnd(End(2, 0, microseconds: 500_000)));
        Assert.True(_hints.TryTakeAnswer(out _));
        Assert.Equal(TimeSpan.FromMilliseconds(500), _hints.LastScan);
        _clock.Advance(TimeSpan.FromSeconds(49.9));
        Assert.False(_hints.MayAsk);
        _clock.Advance(TimeSpan.FromSeconds(0.1));
        Assert.True(_hints.MayAsk);
    }

    [Fact]
    public void A_guest_cannot_stop_the_questions_for_ever()
    {
        _hints.Ask(1);
        Assert.True(Channel.TakeEnd(End(1, 0, microseconds: ulong.MaxValue)));
        Assert.True(_hints.TryTakeAnswer(out _));
        _clock.Advance(TimeSpan.FromSeconds(200));
        Assert.True(_hints.MayAsk);

        _hints.Ask(2); // never answered
        _clock.Advance(TimeSpan.FromSeconds(200));
        Assert.True(_hints.MayAsk);

        _hints.Ask(3);
        Channel.Lost();
        _clock.Advance(TimeSpan.FromSeconds(200));
        Assert.True(_hints.MayAsk);
    }

    [Fact]
    public void Without_an_agent_nothing_is_waited_for_or_marked()
    {
        _agent.IsAbsent = true;
        _hints.Ask(1);
        _hints.MarkWritten(0, 0, 256);
        Assert.False(Channel.IsWanted(1));
        Assert.False(_hints.TryTakeAnswer(out _));
        Assert.True(_hints.MayAsk);
    }

    [Fact]
    public void Scan_numbers_rise()
    {
        _hints.Ask(5);
        Assert.Throws<ArgumentOutOfRangeException>(() => _hints.Ask(5));
    }

    private static ScanEnd End(ulong scan, uint slices, ulong microseconds = 0) => new(scan, 0, 0, 0, microseconds, slices);

    private static IEnumerable<long> Droppable(FreePageAnswer answer, int block = 0)
    {
        for (long from = 0; answer.TryNextRun(block, from, out long first, out long count); from = first + count)
        {
            for (long page = first; page < first + count; page++)
            {
                yield return page;
            }
        }
    }

    private static bool Slice(FreePageHints hints, ulong scan, ulong firstPfn, int pages, int[] free, int[] cache)
    {
        byte[] bitmaps = new byte[2 * ScanAnswer.BytesFor(pages)];
        Array.ForEach(free, bit => bitmaps[bit / 8] |= (byte)(1 << (bit % 8)));
        Array.ForEach(cache, bit => bitmaps[(bitmaps.Length / 2) + (bit / 8)] |= (byte)(1 << (bit % 8)));
        byte[] frame = new byte[ScanAnswer.MaxFrameBytes];
        int length = ScanAnswer.WriteFrame(frame, scan, firstPfn, pages, ScanContents.Both, bitmaps);
        Assert.True(ScanAnswer.TryParse(frame.AsSpan(GuestProtocol.HeaderBytes, length - GuestProtocol.HeaderBytes), out ScanAnswer answer));
        return ((IScanAnswers)hints).TakeSlice(answer, bitmaps.AsSpan(0, bitmaps.Length / 2), bitmaps.AsSpan(bitmaps.Length / 2));
    }

    private bool Slice(ulong scan, ulong firstPfn, int pages, int[] free, int[] cache) => Slice(_hints, scan, firstPfn, pages, free, cache);

    private void Answer(ulong scan, params int[] free)
    {
        Assert.True(Slice(scan, 0, 256, free, []));
        Assert.True(Channel.TakeEnd(End(scan, 1)));
    }
}
