// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Epoch;
using Xunit;

namespace Hikae.Sidecar.Tests.Epoch;

public sealed class CheckpointLoopTests : IDisposable
{
    private readonly List<string> _journal = [];
    private readonly RecordingGuest _guest;
    private readonly RecordingParticipant _participant;
    private readonly PauseStatistics _pauses = new();
    private readonly CheckpointLoop _loop;

    public CheckpointLoopTests()
    {
        _guest = new RecordingGuest(_journal);
        _participant = new RecordingParticipant(_journal);
        _loop = new CheckpointLoop(new StopAndContinue(_guest), _participant, [_participant], _pauses);
    }

    private static CancellationToken Cancelled => new(canceled: true);

    [Fact]
    public void A_checkpoint_takes_its_steps_in_order()
    {
        Assert.Equal(CheckpointOutcome.Sealed, _loop.TryCheckpoint(CancellationToken.None));
        _loop.Acknowledge(new EpochId(1));

        Assert.Equal(["begin 1", "prepare 1", "stop", "seal 1", "cont", "resumed 1", "end 1", "commit 1"], _journal);
        Assert.Equal(new EpochId(1), _pauses.Last.Epoch);
        Assert.Equal(["stop", "cont"], _pauses.Last.Steps.Select(step => step.Name));
    }

    [Theory]
    [InlineData("prepare")]
    [InlineData("seal")]
    [InlineData("resumed")]
    public void A_guest_runs_again_whatever_step_fails(string step)
    {
        using var loop = new CheckpointLoop(new StopAndContinue(_guest), _participant, [_participant, new DyingParticipant(step)], _pauses);

        Assert.Throws<IOException>(() => loop.TryCheckpoint(CancellationToken.None));

        Assert.True(_guest.Runs);
        Assert.Equal(_journal.Count(entry => entry == "stop"), _journal.Count(entry => entry == "cont"));
        Assert.DoesNotContain("end 1", _journal);
    }

    [Fact]
    public void A_guest_runs_again_when_its_last_checkpoint_fails()
    {
        using var loop = new CheckpointLoop(new StopAndContinue(_guest), _participant, [new DyingParticipant("seal")], _pauses);

        Assert.Throws<IOException>(() => loop.TryFinalCheckpoint(CancellationToken.None));

        Assert.True(_guest.Runs);
    }

    [Fact]
    public void An_epoch_that_failed_in_its_pause_can_not_be_acknowledged()
    {
        using var loop = new CheckpointLoop(new StopAndContinue(_guest), _participant, [new DyingParticipant("seal")], _pauses);
        Assert.Throws<IOException>(() => loop.TryCheckpoint(CancellationToken.None));

        Assert.Throws<PeerLostException>(() => loop.Acknowledge(new EpochId(1)));
    }

    [Fact]
    public void The_last_checkpoint_leaves_the_guest_standing_still()
    {
        Assert.Equal(CheckpointOutcome.Sealed, _loop.TryFinalCheckpoint(CancellationToken.None));

        Assert.False(_guest.Runs);
        Assert.Contains("end 1", _journal);
    }

    [Fact]
    public void A_guest_paused_by_its_user_is_left_alone_and_its_epoch_stays_open()
    {
        _guest.IsPausedByUser = true;
        Assert.Equal(CheckpointOutcome.GuestPaused, _loop.TryCheckpoint(CancellationToken.None));
        Assert.Equal(CheckpointOutcome.GuestPaused, _loop.TryCheckpoint(CancellationToken.None));
        Assert.Equal(CheckpointOutcome.GuestPaused, _loop.TryCheckpoint(CancellationToken.None));
        Assert.DoesNotContain("cont", _journal);
        Assert.DoesNotContain("seal 1", _journal);

        _guest.IsPausedByUser = false;
        Assert.Equal(CheckpointOutcome.Sealed, _loop.TryCheckpoint(CancellationToken.None));

        Assert.Contains("end 1", _journal);
    }

    [Fact]
    public void A_participant_that_would_make_the_guest_wait_gets_another_try_in_the_same_epoch()
    {
        _participant.Deferrals = 1;

        Assert.Equal(CheckpointOutcome.Deferred, _loop.TryCheckpoint(CancellationToken.None));
        Assert.True(_guest.Runs);
        Assert.Equal(CheckpointOutcome.Sealed, _loop.TryCheckpoint(CancellationToken.None));

        Assert.Equal(
            ["begin 1", "prepare 1", "stop", "defer 1", "cont", "begin 1", "prepare 1", "stop", "seal 1", "cont", "resumed 1", "end 1"],
            _journal);
    }

    [Fact]
    public async Task A_third_epoch_waits_until_the_first_is_committed()
    {
        _loop.TryCheckpoint(CancellationToken.None);
        _loop.TryCheckpoint(CancellationToken.None);

        Task third = Task.Run(() => _loop.TryCheckpoint(CancellationToken.None), TestContext.Current.CancellationToken);
        _loop.Acknowledge(new EpochId(1));
        await third;

        Assert.True(_journal.IndexOf("begin 3") > _journal.IndexOf("commit 1"));
    }

    [Fact]
    public void Waiting_for_a_commit_ends_with_the_session_and_does_not_touch_the_guest()
    {
        _loop.TryCheckpoint(CancellationToken.None);
        _loop.TryCheckpoint(CancellationToken.None);
        _journal.Clear();

        Assert.Throws<OperationCanceledException>(() => _loop.TryCheckpoint(Cancelled));

        Assert.Empty(_journal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(3)]
    public void Only_the_oldest_waiting_epoch_can_be_acknowledged(int epoch)
    {
        _loop.TryCheckpoint(CancellationToken.None);
        _loop.TryCheckpoint(CancellationToken.None);

        PeerLostException error = Assert.Throws<PeerLostException>(() => _loop.Acknowledge(new EpochId((ulong)epoch)));

        Assert.Equal($"The backup acknowledged epoch {epoch}, which does not wait for it.", error.Message);
        Assert.DoesNotContain(_journal, entry => entry.StartsWith("commit", StringComparison.Ordinal));
    }

    [Fact]
    public void An_epoch_is_acknowledged_once()
    {
        _loop.TryCheckpoint(CancellationToken.None);
        _loop.Acknowledge(new EpochId(1));

        Assert.Throws<PeerLostException>(() => _loop.Acknowledge(new EpochId(1)));
    }

    [Fact]
    public void What_was_not_committed_is_aborted_and_what_was_is_not()
    {
        _loop.TryCheckpoint(CancellationToken.None);
        _loop.TryCheckpoint(CancellationToken.None);
        _loop.Acknowledge(new EpochId(1));

        _loop.AbortAll();

        Assert.Equal(["abort 2"], _journal.Where(entry => entry.StartsWith("abort", StringComparison.Ordinal)));
    }

    public void Dispose() => _loop.Dispose();
}
