// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Ownership;
using Hikae.Sidecar.Epoch;
using Hikae.Sidecar.Recovery;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Hikae.Sidecar.Tests.Recovery;

/// <summary>A lease of 10 s: to be stopped by 8 s, ended by the kernel at 10 s, written elsewhere at 11 s.</summary>
public sealed class LeaseKeeperTests : IDisposable
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly string _folder = Directory.CreateTempSubdirectory("hikae-lease-").FullName;
    private readonly Guid _guest = Guid.NewGuid();
    private readonly FakeTimeProvider _clock = new();
    private readonly RecordedDeath _death = new();
    private readonly RecordedGate _gate = new();
    private readonly UnansweredArbiter _arbiter;
    private readonly GuestOwnership _ownership;
    private readonly GuestOwnership _backup;
    private readonly List<string> _lost = [];
    private readonly ManualResetEventSlim _regained = new();
    private readonly ManualResetEventSlim _taken = new();
    private LeaseKeeper _keeper;

    public LeaseKeeperTests()
    {
        _arbiter = new UnansweredArbiter(new SharedDirectoryArbiter(_folder));
        _ownership = new GuestOwnership(_arbiter, _guest, "hostA", Lease);
        _backup = new GuestOwnership(new SharedDirectoryArbiter(_folder), _guest, "hostB", Lease);
        _keeper = Open(hasClaimed: false);
    }

    public void Dispose()
    {
        _keeper.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void A_guest_that_nobody_may_take_has_no_lease_to_lose()
    {
        _arbiter.Unreachable = int.MaxValue;

        Pass(1000);

        Assert.True(_keeper.MayWrite);
        Assert.Null(_death.At);
    }

    [Fact]
    public void Readings_renew_the_lease_and_each_moves_the_kernels_timer()
    {
        _ownership.ClaimProtected("hostB");
        for (int i = 0; i < 10; i++)
        {
            Pass(7);
            long asked = _clock.GetTimestamp();
            _keeper.ReadOnce();

            Assert.True(_keeper.MayWrite);
            Assert.Equal(asked + (10 * _clock.TimestampFrequency), _death.At);
        }
        Assert.Empty(_lost);
    }

    [Fact]
    public void Packets_pass_the_gate_until_the_backup_may_speak_and_without_end_when_nobody_may_take_the_guest()
    {
        Assert.Null(_gate.Until);
        Acknowledge(1);
        Assert.Null(_gate.Until);
        _ownership.ClaimProtected("hostB");
        Assert.Equal(In(2), _gate.Until);

        Pass(1);
        Acknowledge(2);
        Assert.Equal(In(2), _gate.Until);
        long until = In(2);
        Pass(8.1);
        Assert.Single(_lost);
        // The process lives on; what QEMU still has must not leave for all that.
        Assert.Null(_death.At);
        Assert.Equal(until, _gate.Until);

        _ownership.ClaimUnprotected(0);
        Assert.Null(_gate.Until);
        Assert.True(_keeper.MaySpeak);
    }

    [Fact]
    public void The_gate_stays_shut_for_a_guest_that_is_anothers()
    {
        Acknowledge(1);
        _ownership.ClaimProtected("hostB");
        long? until = _gate.Until;
        Pass(1);
        Assert.True(_backup.TryTakeOver());
        _keeper.ReadOnce();

        Assert.True(_taken.Wait(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        Acknowledge(2);
        Assert.Equal(until, _gate.Until);
        Assert.False(_keeper.MaySpeak);
    }

    [Fact]
    public void A_right_to_speak_never_outlasts_the_lease()
    {
        _ownership.ClaimProtected("hostB");
        long end = _death.At!.Value;
        Pass(7);

        _keeper.Heard(_clock.GetTimestamp(), Lease);

        Assert.Equal(end, _gate.Until);
    }

    [Fact]
    public void What_was_acknowledged_gives_no_right_to_speak_longer_than_the_backups_patience_after_it_was_sent()
    {
        var participant = new LeaseParticipant(_keeper, Patience);
        _ownership.ClaimProtected("hostB");
        participant.TrySeal(new EpochId(1), new PauseTimings(new EpochId(1)), CancellationToken.None);
        Pass(1);
        participant.Ending(new EpochId(1));
        long sentAt = _clock.GetTimestamp();
        Pass(0.5);
        _arbiter.Unreachable = int.MaxValue;

        participant.Commit(new EpochId(1));

        Assert.Equal(sentAt + (2 * _clock.TimestampFrequency), _gate.Until);
        Assert.True(_keeper.MaySpeak);
        Pass(1.2);
        // Too little is left for QEMU to pass a packet on.
        Assert.False(_keeper.MaySpeak);
        Assert.True(_keeper.MayWrite);
    }

    [Fact]
    public void A_host_that_read_a_late_acknowledgement_asks_who_owns_the_guest_before_it_speaks()
    {
        Acknowledge(1);
        _ownership.ClaimProtected("hostB");
        using var again = new ManualResetEventSlim();
        _keeper.MaySpeakAgain += again.Set;
        long sentAt = _clock.GetTimestamp();
        Pass(3);
        _keeper.Heard(sentAt, Patience);
        Assert.True(_clock.GetTimestamp() > _gate.Until);

        Assert.False(_keeper.MaySpeak);

        Assert.True(again.Wait(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        Assert.True(_keeper.MaySpeak);
        Assert.Equal(In(0.8), _gate.Until);
    }

    [Fact]
    public void One_that_was_overtaken_meanwhile_learns_it_and_is_not_heard()
    {
        Acknowledge(1);
        _ownership.ClaimProtected("hostB");
        Pass(3);
        Assert.True(_backup.TryTakeOver());
        long? shut = _gate.Until;

        Assert.False(_keeper.MaySpeak);

        Assert.True(_taken.Wait(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        Assert.False(_keeper.MaySpeak);
        Assert.Equal(shut, _gate.Until);
    }

    [Fact]
    public void An_answer_that_nobody_waited_for_gives_no_right_to_speak()
    {
        Acknowledge(1);
        _ownership.ClaimProtected("hostB");
        long? shut = _gate.Until;
        Pass(3);

        _keeper.ReadOnce();

        Assert.Equal(shut, _gate.Until);
    }

    [Fact]
    public void Without_an_answer_writing_ends_before_the_kernel_would_end_it_and_the_timer_is_off_when_all_stands_still()
    {
        _ownership.ClaimProtected("hostB");
        _arbiter.Unreachable = int.MaxValue;
        _keeper.ReadOnce();

        Pass(7.9);
        Assert.True(_keeper.MayWrite);
        Assert.NotNull(_death.At);
        Pass(0.2);

        Assert.False(_keeper.MayWrite);
        Assert.Equal(["lost, armed, may not write"], _lost);
        Assert.Null(_death.At);
    }

    [Fact]
    public void An_answer_that_still_names_this_host_lets_it_go_on()
    {
        _ownership.ClaimProtected("hostB");
        Pass(9);
        Assert.False(_keeper.MayWrite);

        _keeper.ReadOnce();

        Assert.True(_keeper.MayWrite);
        Assert.True(_regained.Wait(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        Assert.NotNull(_death.At);
    }

    [Fact]
    public void An_answer_that_names_another_ends_it()
    {
        _ownership.ClaimProtected("hostB");
        Assert.True(_backup.TryTakeOver());

        _keeper.ReadOnce();

        Assert.False(_keeper.MayWrite);
        Assert.True(_taken.Wait(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        Pass(1);
        Assert.False(_keeper.MayWrite);
    }

    [Fact]
    public void So_does_one_that_it_has_ended_there()
    {
        _ownership.ClaimProtected("hostB");
        Assert.True(_backup.TryTakeOver());
        _backup.Release();

        _keeper.ReadOnce();

        Assert.False(_keeper.MayWrite);
        Assert.True(_taken.Wait(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_claim_to_run_alone_needs_no_lease()
    {
        _ownership.ClaimProtected("hostB");

        _ownership.ClaimUnprotected(0);

        Assert.Null(_death.At);
        _arbiter.Unreachable = int.MaxValue;
        Pass(1000);
        Assert.True(_keeper.MayWrite);
    }

    [Fact]
    public void The_timer_is_armed_before_the_claim_goes_out()
    {
        _arbiter.Unreachable = 1;
        Assert.Throws<ArbiterUnavailableException>(() => _ownership.ClaimProtected("hostB"));
        Assert.Null(_death.At);

        _arbiter.BeforeClaim = () => Assert.NotNull(_death.At);
        _ownership.ClaimProtected("hostB");
    }

    [Fact]
    public void What_the_backup_acknowledged_renews_the_lease_from_when_it_was_sealed()
    {
        _ownership.ClaimProtected("hostB");
        _arbiter.Unreachable = int.MaxValue;
        var participant = new LeaseParticipant(_keeper, Patience);
        Pass(6);
        long sealedAt = _clock.GetTimestamp();
        participant.TrySeal(new EpochId(1), new PauseTimings(new EpochId(1)), CancellationToken.None);
        Pass(1);
        participant.Commit(new EpochId(1));

        Assert.Equal(sealedAt + (10 * _clock.TimestampFrequency), _death.At);
        Pass(6);
        Assert.True(_keeper.MayWrite);
        Pass(1.5);
        Assert.False(_keeper.MayWrite);
    }

    [Fact]
    public void An_acknowledgement_that_comes_after_the_end_regains_nothing()
    {
        _ownership.ClaimProtected("hostB");
        var participant = new LeaseParticipant(_keeper, Patience);
        Pass(7);
        participant.TrySeal(new EpochId(1), new PauseTimings(new EpochId(1)), CancellationToken.None);
        Pass(2);

        participant.Commit(new EpochId(1));

        Assert.False(_keeper.MayWrite);
    }

    [Fact]
    public void After_a_sidecar_that_had_claimed_the_next_writes_nothing_before_it_has_read()
    {
        _ownership.ClaimProtected("hostB");
        _keeper.Dispose();
        _keeper = Open(hasClaimed: true);
        Assert.False(_keeper.MayWrite);

        _ownership.ClaimUnprotected(0);

        Assert.True(_keeper.MayWrite);
    }

    private void Acknowledge(ulong epoch)
    {
        var participant = new LeaseParticipant(_keeper, Patience);
        participant.TrySeal(new EpochId(epoch), new PauseTimings(new EpochId(epoch)), CancellationToken.None);
        participant.Ending(new EpochId(epoch));
        participant.Commit(new EpochId(epoch));
    }

    private long In(double seconds) => _clock.GetTimestamp() + (long)(seconds * _clock.TimestampFrequency);

    private void Pass(double seconds) => _clock.Advance(TimeSpan.FromSeconds(seconds));

    private LeaseKeeper Open(bool hasClaimed)
    {
        var keeper = new LeaseKeeper(_ownership, hasClaimed, _clock, _death, NullLogger.Instance) { Gate = _gate };
        keeper.Lost += () => _lost.Add($"lost, {(_death.At is null ? "not armed" : "armed")}, {(keeper.MayWrite ? "may write" : "may not write")}");
        keeper.Regained += _regained.Set;
        keeper.Taken += _taken.Set;
        return keeper;
    }
}
