// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Control;
using Hikae.Protocol.Ownership;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Recovery;
using Hikae.Sidecar.Tests.Epoch;
using Hikae.Sidecar.Tests.Recovery;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hikae.Sidecar.Tests;

/// <summary>What a guest does after its session is decided by the record in a real directory, and by nothing else.</summary>
public sealed class PrimaryClaimsTests : IDisposable
{
    private const int QemuPid = 4711;

    // Over before the arbiter is asked a second time.
    private static readonly TimeSpan Lease = TimeSpan.FromMilliseconds(1);

    private readonly string _folder = Directory.CreateTempSubdirectory("hikae-claims-").FullName;
    private readonly List<string> _journal = [];
    private readonly Guid _guest = Guid.NewGuid();
    private readonly UnansweredArbiter _arbiter;
    private readonly RecordingGuest _pause;
    private readonly SidecarMarker _marker;
    private readonly GuestOwnership _ownership;
    private readonly GuestOwnership _backup;
    private readonly DaemonClient _daemon;
    private readonly StatusBoard _status;
    private readonly PrimaryClaims _claims;
    private bool _hasExited;

    public PrimaryClaimsTests()
    {
        _arbiter = new UnansweredArbiter(new SharedDirectoryArbiter(_folder));
        _marker = SidecarMarker.Open(Path.Combine(_folder, "guest.state"));
        _pause = new RecordingGuest(_journal, _marker);
        _marker.BeginRun(QemuPid);
        _ownership = new GuestOwnership(_arbiter, _guest, "hostA", Lease);
        _backup = new GuestOwnership(new SharedDirectoryArbiter(_folder), _guest, "hostB", Lease);
        _daemon = new DaemonClient(Path.Combine(_folder, "none.sock"), new Register(_guest, "g", GuestRole.Primary, 1), NullLogger.Instance);
        var initial = new GuestStatus
        {
            Guest = "g",
            Uuid = _guest,
            Role = GuestRole.Primary,
            State = GuestState.Starting,
            Host = "hostA",
            UpdatedAt = DateTimeOffset.UnixEpoch,
        };
        _status = new StatusBoard(initial, _daemon, TimeProvider.System, NullLogger.Instance);
        _claims = new PrimaryClaims(_ownership, _marker, _pause, () => _hasExited, QemuPid, _status, NullLogger.Instance);
    }

    [Fact]
    public void After_a_lost_session_nobody_may_take_the_guest_and_it_goes_on()
    {
        Protect();
        _marker.PausedByUs = true;

        _claims.Settle();

        Assert.False(_backup.TryTakeOver());
        Assert.Equal(["cont"], _journal);
    }

    [Fact]
    public void A_guest_that_the_backup_took_is_not_resumed()
    {
        Protect();
        _marker.PausedByUs = true;
        Assert.True(_backup.TryTakeOver());

        Assert.Throws<FencedException>(_claims.Settle);

        Assert.Empty(_journal);
    }

    [Fact]
    public void A_claim_lost_before_a_goodbye_is_not_forgotten_at_the_end()
    {
        Protect();
        Assert.True(_backup.TryTakeOver());
        Assert.Throws<FencedException>(_claims.ClaimBeforeGoodbye);

        Assert.Throws<FencedException>(() => _claims.End(isGivenUp: false));
    }

    [Fact]
    public void The_backups_word_does_not_move_a_guest_that_the_record_leaves_here()
    {
        Protect();
        _marker.PausedByUs = true;

        _claims.SettleAfterMove();

        Assert.Equal(["cont"], _journal);
        Assert.False(_backup.TryTakeOver());
    }

    [Fact]
    public void A_guest_that_was_never_claimed_asks_no_arbiter_to_go_on()
    {
        _arbiter.Unreachable = int.MaxValue;
        _marker.PausedByUs = true;

        _claims.Survive();

        Assert.Equal(["cont"], _journal);
    }

    [Fact]
    public void A_sidecar_that_died_between_its_mark_and_its_claim_leaves_a_guest_that_goes_on()
    {
        _marker.SetOwnedGeneration(QemuPid, 1);

        _claims.Survive();

        Assert.Equal(("hostA", null), (_ownership.Current!.Owner, _ownership.Current.ProtectedBy));
    }

    [Fact]
    public void A_guest_taken_while_no_sidecar_ran_is_fenced()
    {
        Protect();
        Assert.True(_backup.TryTakeOver());
        _marker.PausedByUs = true;

        Assert.Throws<FencedException>(_claims.Survive);

        Assert.Empty(_journal);
    }

    [Fact]
    public void A_claim_that_an_earlier_sidecar_left_is_taken_back()
    {
        Protect();

        _claims.Survive();

        Assert.False(_backup.TryTakeOver());
    }

    [Fact]
    public void Without_arbiter_the_guest_stands_still_after_its_lease_and_goes_on_with_the_answer()
    {
        Protect();
        _arbiter.Unreachable = 3;

        _claims.Settle();

        Assert.Equal(["stop", "cont"], _journal);
        Assert.Equal(GuestState.Paused, _status.Current.State);
        Assert.False(_backup.TryTakeOver());
    }

    [Fact]
    public void A_guest_that_cannot_be_paused_is_not_said_to_stand_still()
    {
        Protect();
        _arbiter.Unreachable = 3;
        _pause.CannotBePaused = true;

        _claims.Settle();

        Assert.NotEqual(GuestState.Paused, _status.Current.State);
    }

    [Fact]
    public void A_guest_that_ended_is_released_although_the_arbiter_does_not_answer_at_once()
    {
        Protect();
        _hasExited = true;
        _arbiter.Unreachable = 2;

        _claims.End(isGivenUp: false);

        Assert.True(_ownership.Current!.Ended);
        Assert.False(_backup.TryTakeOver());
    }

    [Fact]
    public void A_guest_that_ended_is_drained_before_it_is_declared_so()
    {
        Protect();
        _hasExited = true;

        _claims.ClaimBeforeGoodbye();
        _claims.Settle();
        Assert.Equal((false, null), (_ownership.Refresh()!.Ended, _ownership.Current!.ProtectedBy));

        // Only when its last writes are in the images may anybody start it.
        _claims.ClaimForDrain();
        Assert.False(_ownership.Refresh()!.Ended);
        _claims.End(isGivenUp: false);

        Assert.True(_ownership.Refresh()!.Ended);
        Assert.Empty(_journal);
    }

    [Fact]
    public void A_guest_that_ended_here_after_another_host_took_it_is_not_drained()
    {
        Protect();
        Assert.True(_backup.TryTakeOver());
        _hasExited = true;

        Assert.Throws<FencedException>(_claims.ClaimForDrain);
    }

    [Fact]
    public void A_guest_whose_backup_brought_it_to_its_end_neither_goes_on_here_nor_is_drained()
    {
        Protect();
        _marker.PausedByUs = true;
        Assert.True(_backup.TryTakeOver());
        _backup.Release();

        Assert.Throws<FencedException>(_claims.Settle);
        Assert.Throws<FencedException>(_claims.Survive);
        Assert.Empty(_journal);
        _hasExited = true;
        Assert.Throws<FencedException>(_claims.ClaimForDrain);
        Assert.True(_ownership.Refresh()!.Ended);
    }

    [Fact]
    public void A_guest_that_was_started_here_after_it_ended_elsewhere_goes_on()
    {
        _backup.ClaimProtected("hostA");
        _backup.Release();
        _marker.SetOwnedGeneration(QemuPid, _backup.Current!.Generation + 1);
        _marker.PausedByUs = true;

        // A sidecar that died between its mark and its claim.
        _claims.Survive();

        Assert.Equal(("hostA", null, false), (_ownership.Refresh()!.Owner, _ownership.Current!.ProtectedBy, _ownership.Current!.Ended));
        Assert.Equal(["cont"], _journal);
    }

    [Fact]
    public void A_guest_that_gives_protection_up_is_free_to_move()
    {
        Protect();

        _claims.Settle();
        _claims.End(isGivenUp: true);

        Assert.True(_ownership.Refresh()!.Ended);
        Assert.False(_backup.TryTakeOver());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_claim_that_nobody_answered_is_taken_back_when_the_session_ends(bool hadRecord)
    {
        if (hadRecord)
        {
            Protect();
            _claims.Settle();
        }
        _arbiter.LostAnswers = 1;
        Assert.Throws<ArbiterUnavailableException>(Protect);

        _claims.Settle();

        Assert.Null(_ownership.Refresh()!.ProtectedBy);
        Assert.False(_backup.TryTakeOver());
    }

    [Fact]
    public void A_drain_waits_for_the_arbiter()
    {
        Protect();
        _hasExited = true;
        _arbiter.Unreachable = 2;

        _claims.ClaimForDrain();

        Assert.Null(_ownership.Refresh()!.ProtectedBy);
    }

    public void Dispose()
    {
        _status.Dispose();
        _daemon.Dispose();
        _marker.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private void Protect() => PrimaryClaims.Protect(_ownership, _marker, QemuPid, "hostB");
}
