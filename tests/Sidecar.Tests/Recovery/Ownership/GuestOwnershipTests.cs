// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Ownership;
using Hikae.Sidecar.Recovery;
using Xunit;

namespace Hikae.Sidecar.Tests.Recovery;

/// <summary>Two hosts over one real directory: whatever they try at once, one may run the guest.</summary>
public sealed class GuestOwnershipTests : IDisposable
{
    private const int Races = 50;

    private readonly string _directory = Directory.CreateTempSubdirectory("hikae-arbiter-").FullName;
    private readonly UnansweredArbiter _arbiter;
    private Guid _guest = Guid.NewGuid();

    public GuestOwnershipTests() => _arbiter = new UnansweredArbiter(new SharedDirectoryArbiter(_directory));

    [Fact]
    public void A_protected_guest_is_taken_by_the_backup_it_names_and_by_nobody_else()
    {
        Host("hostA").ClaimProtected("hostB");

        Assert.False(Host("hostC").TryTakeOver());
        Assert.True(Host("hostB").TryTakeOver());
        Assert.Throws<FencedException>(() => Host("hostA").ClaimUnprotected(0));
        Assert.Throws<FencedException>(() => Host("hostA").ClaimProtected("hostB"));
    }

    [Fact]
    public void A_guest_that_was_never_protected_is_not_taken() => Assert.False(Host("hostB").TryTakeOver());

    [Fact]
    public void A_guest_claimed_unprotected_is_not_taken()
    {
        Host("hostA").ClaimProtected("hostB");
        Host("hostA").ClaimUnprotected(0);

        Assert.False(Host("hostB").TryTakeOver());
    }

    [Fact]
    public void A_replica_from_before_the_guest_ran_alone_does_not_take_it()
    {
        GuestOwnership primary = Host("hostA");
        primary.ClaimProtected("hostB");
        long older = primary.Current!.Generation;
        primary.ClaimUnprotected(0);
        primary.ClaimProtected("hostB");

        Assert.False(Host("hostB").TryTakeOver(older));
        Assert.True(Host("hostB").TryTakeOver(primary.Current!.Generation));
    }

    [Fact]
    public void A_guest_that_ended_is_not_taken_and_may_be_protected_by_any_host()
    {
        Host("hostA").ClaimProtected("hostB");
        Host("hostA").Release();

        Assert.False(Host("hostB").TryTakeOver());
        Host("hostB").ClaimProtected("hostA");
        Assert.True(Host("hostA").TryTakeOver());
    }

    [Fact]
    public void A_guest_that_another_host_took_and_brought_to_its_end_is_not_gone_on_with()
    {
        GuestOwnership primary = Host("hostA");
        primary.ClaimProtected("hostB");
        long owned = primary.Current!.Generation;
        Assert.True(Host("hostB").TryTakeOver());
        Host("hostB").Release();

        Assert.Throws<FencedException>(() => primary.ClaimUnprotected(owned));

        // Started anew here, it is another run: one that never was claimed, or whose claim did not come to be.
        Host("hostA").ClaimUnprotected(0);
        Host("hostA").Release();
        Host("hostB").ClaimProtected("hostA");
        Host("hostB").Release();
        Host("hostA").ClaimUnprotected(Host("hostA").Refresh()!.Generation + 1);
    }

    [Fact]
    public void A_guest_that_another_host_took_and_could_not_start_is_gone_on_with_or_started_anywhere()
    {
        GuestOwnership primary = Host("hostA");
        primary.ClaimProtected("hostB");
        GuestOwnership backup = Host("hostB");
        Assert.True(backup.TryTakeOver());

        backup.ReleaseUnrun("hostA");

        Assert.True(primary.Refresh()!.Ended);
        primary.ClaimUnprotected(primary.Current!.Generation - 2);
        Assert.Equal(("hostA", false), (Host("hostC").Refresh()!.Owner, Host("hostC").Refresh()!.Ended));
        backup.ReleaseUnrun("hostA");
        Assert.False(primary.Refresh()!.Ended);
    }

    [Fact]
    public void A_guest_that_another_host_took_is_not_released()
    {
        Host("hostA").ClaimProtected("hostB");
        Host("hostB").TryTakeOver();

        Host("hostA").Release();

        Assert.False(Host("hostA").Refresh()!.Ended);
    }

    [Fact]
    public void A_guest_given_back_runs_on_where_it_came_from()
    {
        Host("hostA").ClaimProtected("hostB");
        GuestOwnership backup = Host("hostB");
        Assert.True(backup.TryTakeOver());

        Assert.True(backup.TryGiveBack("hostA"));

        Host("hostA").ClaimUnprotected(0);
        Assert.False(backup.TryGiveBack("hostB"));
    }

    [Fact]
    public async Task When_both_hosts_lose_the_link_exactly_one_goes_on()
    {
        for (int i = 0; i < Races; i++)
        {
            _guest = Guid.NewGuid();
            GuestOwnership primary = Host("hostA");
            GuestOwnership backup = Host("hostB");
            primary.ClaimProtected("hostB");

            Exception?[] lost = await AtOnce(() => primary.ClaimUnprotected(0), () => Assert.True(backup.TryTakeOver()));

            Assert.Single(lost, error => error is null);
            Assert.Equal(lost[0] is null ? "hostA" : "hostB", Host("hostC").Refresh()!.Owner);
        }
    }

    [Fact]
    public async Task When_a_guest_ends_while_its_backup_takes_it_exactly_one_of_them_happens()
    {
        for (int i = 0; i < Races; i++)
        {
            _guest = Guid.NewGuid();
            GuestOwnership primary = Host("hostA");
            GuestOwnership backup = Host("hostB");
            primary.ClaimProtected("hostB");
            bool taken = false;

            await AtOnce(primary.Release, () => taken = backup.TryTakeOver());

            OwnershipRecord record = Host("hostC").Refresh()!;
            Assert.Equal((taken, taken ? "hostB" : "hostA"), (!record.Ended, record.Owner));
        }
    }

    [Fact]
    public async Task Two_threads_of_one_host_never_fence_each_other()
    {
        for (int i = 0; i < Races; i++)
        {
            _guest = Guid.NewGuid();
            GuestOwnership primary = Host("hostA");

            Exception?[] errors = await AtOnce(() => primary.ClaimProtected("hostB"), () => primary.ClaimUnprotected(0), () => primary.ClaimUnprotected(0));

            Assert.All(errors, Assert.Null);
        }
    }

    [Fact]
    public async Task A_sidecar_and_its_hosts_daemon_never_fence_each_other()
    {
        for (int i = 0; i < Races; i++)
        {
            _guest = Guid.NewGuid();
            GuestOwnership sidecar = Host("hostA");
            GuestOwnership daemon = Host("hostA");
            sidecar.ClaimProtected("hostB");

            Exception?[] errors = await AtOnce(() => sidecar.ClaimProtected("hostC"), () => daemon.ClaimUnprotected(0), sidecar.Release);

            Assert.All(errors, Assert.Null);
        }
    }

    [Fact]
    public void A_backup_whose_winning_answer_got_lost_finds_out_that_it_won()
    {
        Host("hostA").ClaimProtected("hostB");
        GuestOwnership backup = Host("hostB");
        _arbiter.LostAnswers = 1;
        Assert.Throws<ArbiterUnavailableException>(() => backup.TryTakeOver());

        Assert.True(backup.TryTakeOver());
        Assert.False(backup.TryTakeOver());
    }

    [Fact]
    public void A_backup_that_owned_the_guest_before_does_not_take_it_for_won()
    {
        Host("hostA").ClaimProtected("hostB");
        Assert.True(Host("hostB").TryTakeOver());

        Assert.False(Host("hostB").TryTakeOver());
    }

    [Fact]
    public void A_primary_whose_answer_got_lost_claims_on()
    {
        GuestOwnership primary = Host("hostA");
        primary.ClaimProtected("hostB");
        _arbiter.LostAnswers = 1;
        Assert.Throws<ArbiterUnavailableException>(() => primary.ClaimUnprotected(0));

        primary.ClaimUnprotected(0);

        Assert.False(Host("hostB").TryTakeOver());
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private GuestOwnership Host(string name) => new(_arbiter, _guest, name, TimeSpan.FromSeconds(5));

    private static Task<Exception?[]> AtOnce(params Action[] actions)
    {
        var barrier = new Barrier(actions.Length);
        return Task.WhenAll(actions.Select(action => Task.Factory.StartNew(
            () =>
            {
                barrier.SignalAndWait();
                return Record.Exception(action);
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)));
    }
}
