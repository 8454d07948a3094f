// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Annotation;
using Hikae.Protocol.Configuration;
using Hikae.Sidecar.Epoch;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Hikae.Sidecar.Tests.Epoch;

public sealed class CheckpointPaceTests : IDisposable
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(35);

    private readonly FakeTimeProvider _clock = new();
    private readonly CheckpointPace _pace;

    public CheckpointPaceTests() => _pace = Pace();

    [Fact]
    public void A_checkpoint_is_due_after_the_interval_and_not_before()
    {
        _clock.Advance(Interval - TimeSpan.FromTicks(1));
        Assert.False(IsDue());
        _clock.Advance(TimeSpan.FromTicks(1));
        Assert.True(IsDue());
        Assert.False(IsDue());
    }

    [Fact]
    public void Whoever_waits_for_a_commit_gets_a_checkpoint_once_the_shortest_interval_is_over()
    {
        _pace.Ask();
        _clock.Advance(Shortest);

        _pace.Wait(CancellationToken.None);
        _pace.Answer();

        Assert.False(IsDue());
    }

    [Fact]
    public void A_question_stands_until_a_checkpoint_answers_it()
    {
        _pace.Ask();
        _clock.Advance(Shortest);
        _pace.Wait(CancellationToken.None);
        _clock.Advance(Shortest);
        _pace.Wait(CancellationToken.None);

        _pace.Answer();
        _clock.Advance(Shortest);

        Assert.False(IsDue());
    }

    [Fact]
    public void Nobody_gets_a_checkpoint_before_the_shortest_interval_is_over()
    {
        _clock.Advance(Shortest - TimeSpan.FromTicks(1));
        _pace.Ask();

        Assert.False(IsDue());
    }

    [Fact]
    public void An_idle_guest_is_checkpointed_ever_more_rarely_up_to_the_longest_interval()
    {
        _pace.Observe(3, TimeSpan.Zero);
        AssertWaits(TimeSpan.FromMinutes(20));
        _pace.Observe(3, TimeSpan.Zero);
        AssertWaits(Longest);
        _pace.Observe(3, TimeSpan.Zero);
        AssertWaits(Longest);
    }

    [Fact]
    public void A_guest_that_wakes_up_is_checkpointed_at_its_interval_again()
    {
        _pace.Observe(0, TimeSpan.Zero);
        _pace.Observe(0, TimeSpan.Zero);
        _pace.Observe(100_000, TimeSpan.Zero);

        AssertWaits(Interval);
    }

    [Fact]
    public void A_guest_that_stands_still_for_long_is_checkpointed_more_rarely()
    {
        for (int checkpoint = 0; checkpoint < 40; checkpoint++)
        {
            _pace.Observe(100_000, TimeSpan.FromSeconds(30));
        }
        AssertWaits(TimeSpan.FromMinutes(25), toASecond: true);

        _pace.Observe(100_000, TimeSpan.FromHours(1));
        AssertWaits(Longest);
        _pace.Observe(100_000, TimeSpan.Zero);
        _pace.Observe(100_000, TimeSpan.Zero);
        _pace.Observe(100_000, TimeSpan.Zero);
        Assert.False(IsDue());
    }

    [Fact]
    public void A_guest_that_pays_for_each_page_that_it_writes_again_is_checkpointed_more_rarely()
    {
        using CheckpointPace pace = Pace(firstWrite: TimeSpan.FromSeconds(0.1));
        AfterManyEpochs(pace, TimeSpan.FromMinutes(10), dirtyPages: 200, stood: TimeSpan.FromSeconds(10));
        AssertWaits(TimeSpan.FromMinutes(25), toASecond: true, pace);
    }

    [Fact]
    public void Epochs_do_not_grow_large_because_pages_are_written()
    {
        using CheckpointPace pace = Pace(firstWrite: TimeSpan.FromSeconds(0.1));
        // In 20 minutes it would be 4096.
        AfterManyEpochs(pace, TimeSpan.FromMinutes(15), dirtyPages: 3072, stood: TimeSpan.FromSeconds(10));
        AssertWaits(TimeSpan.FromMinutes(20), toASecond: true, pace);
        // But where the pause is long nothing else helps.
        AfterManyEpochs(pace, TimeSpan.FromMinutes(15), dirtyPages: 3072, stood: TimeSpan.FromSeconds(30));
        AssertWaits(TimeSpan.FromMinutes(25), toASecond: true, pace);
    }

    [Fact]
    public void What_clients_have_seen_is_not_at_stake_for_longer_because_pages_are_written()
    {
        using CheckpointPace pace = Pace(firstWrite: TimeSpan.FromSeconds(0.1), GuestOutputs.Unheld);
        for (int checkpoint = 0; checkpoint < 40; checkpoint++)
        {
            pace.Observe(100_000, TimeSpan.FromMinutes(1));
        }
        AssertWaits(Interval, toASecond: false, pace);
    }

    [Fact]
    public void An_interval_of_the_guest_above_the_longest_is_kept()
    {
        using CheckpointPace pace = Pace(interval: TimeSpan.FromHours(1));
        pace.Observe(3, TimeSpan.Zero);
        AssertWaits(TimeSpan.FromHours(1), toASecond: false, pace);
        pace.Observe(100_000, TimeSpan.FromHours(1));
        AssertWaits(TimeSpan.FromHours(1), toASecond: false, pace);
    }

    [Fact]
    public void Whoever_waits_for_a_commit_waits_until_the_guest_has_run_as_well()
    {
        for (int checkpoint = 0; checkpoint < 40; checkpoint++)
        {
            _pace.Observe(100_000, TimeSpan.FromMinutes(1));
        }
        _pace.Ask();
        AssertAskedWaits(TimeSpan.FromMinutes(4));

        // Never longer than the interval.
        for (int checkpoint = 0; checkpoint < 40; checkpoint++)
        {
            _pace.Observe(100_000, TimeSpan.FromMinutes(9));
        }
        AssertAskedWaits(Interval);
    }

    public void Dispose() => _pace.Dispose();

    // To a second. A wait that somebody asked for looks at its token first.
    private void AssertAskedWaits(TimeSpan expected)
    {
        _clock.Advance(expected - TimeSpan.FromSeconds(1));
        Assert.False(IsDue());
        _clock.Advance(TimeSpan.FromSeconds(1));
        _pace.Wait(CancellationToken.None);
    }

    private void AssertWaits(TimeSpan expected, bool toASecond = false) => AssertWaits(expected, toASecond, _pace);

    private void AssertWaits(TimeSpan expected, bool toASecond, CheckpointPace pace)
    {
        TimeSpan before = toASecond ? TimeSpan.FromSeconds(1) : TimeSpan.FromTicks(1);
        _clock.Advance(expected - before);
        Assert.False(IsDue(pace));
        _clock.Advance(before);
        Assert.True(IsDue(pace));
    }

    private CheckpointPace Pace(TimeSpan firstWrite = default, GuestOutputs outputs = GuestOutputs.Held, TimeSpan? interval = null) => new(
        _clock,
        new CheckpointConfiguration { MinInterval = Shortest, Interval = Interval, MaxInterval = Longest },
        new ProtectAnnotation(new HostAddress("hostB", null), outputs, interval),
        new Lazy<TimeSpan>(firstWrite));

    private void AfterManyEpochs(CheckpointPace pace, TimeSpan lasted, long dirtyPages, TimeSpan stood)
    {
        for (int checkpoint = 0; checkpoint < 40; checkpoint++)
        {
            _clock.Advance(Longest + lasted);
            Assert.True(IsDue(pace));
            _clock.Advance(lasted);
            pace.Ask();
            pace.Wait(CancellationToken.None);
            pace.Answer();
            pace.Observe(dirtyPages, stood);
        }
    }

    private bool IsDue() => IsDue(_pace);

    /// <summary>A wait that is over looks at no token; one that is not throws for a cancelled one.</summary>
    private static bool IsDue(CheckpointPace pace)
    {
        try
        {
            pace.Wait(new CancellationToken(canceled: true));
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
