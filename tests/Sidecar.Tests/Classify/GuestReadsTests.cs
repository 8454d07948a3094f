// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Guest;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Classify;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Hikae.Sidecar.Tests.Classify;

/// <summary>A guest of 3 GiB, the upper one of which is mapped at 4 GiB; the test plays the channel's thread, too.</summary>
public sealed class GuestReadsTests : IReadsRequester
{
    private const int PcRam = 1;

    // Of guest memory, and of the RAM block: the hole below 4 GiB is 2 GiB large.
    private const ulong HighGuestChunk = 2048 + 5;
    private const int HighBlockChunk = 1024 + 5;

    private readonly FakeTimeProvider _clock = new();
    private readonly List<ReadsRequest> _requests = [];
    private readonly GuestReads _reads;
    private bool _isAbsent;
    private ulong _asked;

    public GuestReadsTests() => _reads = new GuestReads(MemoryTrees.Parse(MemoryTrees.Q35With3GiB, MemoryTrees.Q35Blocks), this, _clock);

    private IReadsAnswers Channel => _reads;

    bool IReadsRequester.TryRequestReads(in ReadsRequest request)
    {
        _requests.Add(request);
        return !_isAbsent;
    }

    [Fact]
    public void What_the_guest_says_of_its_memory_is_said_of_its_RAM_blocks()
    {
        Ask();
        Assert.Null(_reads.Pages);
        Assert.True(Take(1, 3, 100, 0, 200));
        Assert.True(Take(1, HighGuestChunk, 40));
        Assert.True(End(1, answers: 2));

        ChunkReads known = Assert.Single(_reads.Take()!);
        Assert.Equal(PcRam, known.Block);
        Assert.Equal(3 << 9, known.Heat.Length);
        // A first sample counts a quarter.
        Assert.Equal([(3, 25), (5, 50), (HighBlockChunk, 10)], Hot(known));
        Assert.Equal(2 * 85, _reads.Pages);
        Assert.Null(_reads.Take());
    }

    [Fact]
    public void What_is_read_in_each_sample_is_hotter_than_what_was_read_once()
    {
        for (ulong question = 1; question <= 20; question++)
        {
            _clock.Advance(GuestReads.LongestRest);
            Ask();
            Assert.Equal(question, _requests[^1].Number);
            byte once = (byte)(question == 1 ? 255 : 0);
            Assert.True(Take(question, 10, once, 255, 1));
            Assert.True(End(question, answers: 1));
        }

        Dictionary<int, int> hot = Hot(Assert.Single(_reads.Take()!)).ToDictionary(chunk => chunk.Chunk, chunk => chunk.Heat);
        Assert.InRange(hot[11], 250, 255);
        Assert.Equal(1, hot[12]);
        Assert.InRange(hot.GetValueOrDefault(10), 0, 2);
    }

    [Fact]
    public void The_guest_is_asked_ever_more_seldom_and_not_while_it_owes_an_answer()
    {
        Ask();
        _clock.Advance(GuestReads.LongestWait - TimeSpan.FromMilliseconds(1));
        Ask();
        Assert.Single(_requests);
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        var asked = new List<double>();
        for (int step = 0; step < 1000; step++)
        {
            int before = _requests.Count;
            Ask();
            if (_requests.Count > before)
            {
                asked.Add(step);
                Assert.True(End(_requests[^1].Number, answers: 0));
            }
            _clock.Advance(TimeSpan.FromSeconds(1));
        }

        // After 2, 4, 8, 16, 32 and 60 s; the first of them went by while the guest owed its answer.
        Assert.Equal([0, 8, 24, 56, 116, 176], asked.Take(6));
        Assert.All(_requests, request => Assert.Equal(GuestReads.Duration.TotalMilliseconds, request.Milliseconds));
    }

    [Fact]
    public void A_guest_without_agent_is_asked_again_soon()
    {
        _isAbsent = true;
        for (int i = 0; i < 5; i++)
        {
            Ask();
            _clock.Advance(GuestReads.ShortestRest);
        }

        Assert.Equal(5, _requests.Count);
        Assert.False(Channel.IsWanted(_requests[^1].Number));
    }

    [Fact]
    public void Answers_that_nobody_waits_for_are_out_of_order_or_are_missing_count_for_nothing()
    {
        Assert.False(Channel.IsWanted(0));
        Assert.False(End(0, answers: 0));
        Ask();
        Assert.True(Channel.IsWanted(1));
        Assert.False(Take(2, 0, 1));
        Assert.True(Take(1, 10, 1, 1));
        Assert.False(Take(1, 11, 1));
        Assert.False(Take(1, (5UL << 9) - 1, 1, 1)); // beyond 5 GiB
        Assert.False(End(1, answers: 3));
        Assert.Null(_reads.Take());

        // Nothing of the answer that was void is left.
        _clock.Advance(GuestReads.LongestRest);
        Ask();
        Assert.True(End(2, answers: 0));
        Assert.Empty(Hot(Assert.Single(_reads.Take()!)));
    }

    [Fact]
    public void A_guest_that_sends_many_small_answers_is_not_listened_to_for_ever()
    {
        Ask();
        int taken = 0;
        while (taken < 1000 && Take(1, (ulong)taken * 2, 1))
        {
            taken++;
        }

        Assert.InRange(taken, 16, 17);
    }

    [Fact]
    public void A_guest_that_cannot_tell_says_why_and_what_was_known_stays()
    {
        Ask();
        Take(1, 0, 4);
        End(1, answers: 1);
        Assert.NotNull(_reads.Take());
        _clock.Advance(GuestReads.LongestRest);
        Ask();
        Assert.True(Channel.TakeEnd(new ReadsEnd { Number = 2, Answers = 0, WhyNot = "no kprobes" }));

        Assert.Equal("no kprobes", _reads.WhyNot);
        Assert.Null(_reads.Take());
        Assert.Equal(2, _reads.Pages);
        Assert.Equal(2, _requests.Count);
        _clock.Advance(GuestReads.RefusedRest - TimeSpan.FromSeconds(1));
        Ask();
        Assert.Equal(2, _requests.Count);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Ask();
        Assert.Equal(3, _requests.Count);
    }

    [Fact]
    public void A_guest_that_takes_long_to_count_is_left_alone_for_longer()
    {
        Ask();
        _clock.Advance(GuestReads.Duration + TimeSpan.FromSeconds(10));
        Assert.True(End(1, answers: 0));
        _clock.Advance(TimeSpan.FromSeconds((10 * GuestReads.RestFactor) - 12));
        Ask();
        Assert.Single(_requests);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Ask();
        Assert.Equal(2, _requests.Count);
    }

    [Fact]
    public void A_new_session_is_told_what_was_known_unless_the_memory_is_another()
    {
        GuestMemoryMap same = MemoryTrees.Parse(MemoryTrees.Q35With3GiB, [.. MemoryTrees.Q35Blocks, new RamBlockInfo("rom", 1 << 20, 4096)]);
        Assert.True(_reads.IsOf(same, this));
        _reads.TellAgain();
        Assert.Null(_reads.Take());
        Ask();
        Take(1, 3, 100);
        End(1, answers: 1);
        IReadOnlyList<ChunkReads> known = _reads.Take()!;
        _reads.TellAgain();

        Assert.Equivalent(known, _reads.Take());
        Assert.False(_reads.IsOf(MemoryTrees.Small(), this));
        Assert.False(_reads.IsOf(same, new GuestReadsTests()));
    }

    [Fact]
    public void A_port_that_is_lost_owes_no_answer_and_nothing_is_left_of_its_half()
    {
        Ask();
        Assert.True(Take(1, 3, 100));
        Channel.Lost();
        Assert.False(End(1, answers: 1));
        _clock.Advance(GuestReads.LongestRest);
        Ask();
        Assert.True(End(2, answers: 0));

        Assert.Empty(Hot(Assert.Single(_reads.Take()!)));
    }

    private static List<(int Chunk, int Heat)> Hot(ChunkReads known) =>
        [.. known.Heat.Select((heat, chunk) => (chunk, (int)heat)).Where(pair => pair.Item2 > 0)];

    private void Ask()
    {
        // The number is used up where nothing is asked, too; here it is to be that of the request.
        int before = _requests.Count;
        _reads.Ask(_asked + 1);
        _asked += _requests.Count > before ? 1UL : 0;
    }

    private bool Take(ulong number, ulong firstChunk, params byte[] chunks)
    {
        byte[] frame = new byte[ReadsAnswer.MaxFrameBytes];
        int length = ReadsAnswer.WriteFrame(frame, number, firstChunk, chunks);
        Assert.True(ReadsAnswer.TryParse(frame.AsSpan(GuestProtocol.HeaderBytes, length - GuestProtocol.HeaderBytes), out ReadsAnswer answer));
        return Channel.Take(answer);
    }

    private bool End(ulong number, uint answers) => Channel.TakeEnd(new ReadsEnd { Number = number, Answers = answers, WhyNot = string.Empty });
}
