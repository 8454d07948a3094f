// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Ownership;
using Hikae.Sidecar.Recovery;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Hikae.Sidecar.Tests.Recovery;

/// <summary>Events of the lease that overtake each other: the right to write follows the lease all the same. A lease of 10 s, lost after 8.</summary>
public sealed class ImageGateTests : IDisposable
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("hikae-gate-").FullName;
    private readonly Guid _guest = Guid.NewGuid();
    private readonly FakeTimeProvider _clock = new();
    private readonly RecordedDeath _death = new();
    private readonly GuestOwnership _ownership;
    private readonly GuestOwnership _backup;
    private readonly LateHandler _late = new();
    private readonly LateHandler _laterStill = new();
    private readonly SemaphoreSlim _regained = new(0);
    private readonly SemaphoreSlim _taken = new(0);
    private LeaseKeeper _keeper;
    private Func<TimeSpan, bool> _waitIdle = _ => true;
    private bool _isAllowed;

    public ImageGateTests()
    {
        _ownership = new GuestOwnership(new SharedDirectoryArbiter(_folder), _guest, "hostA", Lease);
        _backup = new GuestOwnership(new SharedDirectoryArbiter(_folder), _guest, "hostB", Lease);
        _keeper = NewKeeper(hasClaimed: false);
    }

    public void Dispose()
    {
        _late.Dispose();
        _laterStill.Dispose();
        _keeper.Dispose();
        _regained.Dispose();
        _taken.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void Images_are_written_while_the_lease_is_held_and_not_when_it_is_lost_or_the_guest_taken()
    {
        NewGate();
        Assert.True(_isAllowed);
        _ownership.ClaimProtected("hostB");
        Assert.True(_isAllowed);

        Pass(9);
        Assert.False(_isAllowed);
        Regain();
        Assert.True(_isAllowed);
        Take();
        Assert.False(_isAllowed);
    }

    [Fact]
    public async Task A_loss_that_is_handled_after_the_lease_was_regained_stops_nothing()
    {
        _keeper.Lost += _late.Handle;
        NewGate();
        _ownership.ClaimProtected("hostB");
        Task loss = Task.Run(() => Pass(9), TestContext.Current.CancellationToken);
        _late.WaitUntilEntered();
        Regain();

        _late.Go();
        await loss;

        Assert.True(_keeper.MayWrite);
        Assert.True(_isAllowed);
    }

    [Fact]
    public void A_regained_lease_that_is_handled_after_it_was_lost_again_allows_nothing()
    {
        _keeper.Regained += _late.Handle;
        NewGate();
        _ownership.ClaimProtected("hostB");
        Pass(9);
        _keeper.ReadOnce();
        _late.WaitUntilEntered();
        Pass(9);

        _late.Go();

        Assert.True(_regained.Wait(Patience, TestContext.Current.CancellationToken));
        Assert.False(_isAllowed);
    }

    [Fact]
    public void A_regained_lease_that_is_handled_after_another_host_took_the_guest_allows_nothing()
    {
        _keeper.Regained += _late.Handle;
        NewGate();
        _ownership.ClaimProtected("hostB");
        Pass(9);
        _keeper.ReadOnce();
        _late.WaitUntilEntered();
        Take();

        _late.Go();

        Assert.True(_regained.Wait(Patience, TestContext.Current.CancellationToken));
        Assert.False(_isAllowed);
    }

    [Fact]
    public async Task The_handlers_of_an_earlier_loss_do_not_switch_the_kernels_timer_off_for_a_later_one()
    {
        _keeper.Lost += _late.Handle;
        _keeper.Taken += _laterStill.Handle;
        NewGate();
        _ownership.ClaimProtected("hostB");
        Task loss = Task.Run(() => Pass(9), TestContext.Current.CancellationToken);
        _late.WaitUntilEntered();
        Regain();
        Assert.True(_backup.TryTakeOver());
        _keeper.ReadOnce();
        _laterStill.WaitUntilEntered();

        _late.Go();
        await loss;

        // A write may still be under way, as the later one's handlers have not returned.
        Assert.NotNull(_death.At);
        _laterStill.Go();
        Assert.True(_taken.Wait(Patience, TestContext.Current.CancellationToken));
        Assert.True(SpinWait.SpinUntil(() => _death.At is null, Patience));
    }

    [Fact]
    public void A_loss_is_not_over_while_a_write_is_under_way()
    {
        var answers = new Queue<bool>([false, false, true]);
        _waitIdle = _ =>
        {
            Assert.False(_isAllowed);
            Assert.NotNull(_death.At);
            return answers.Dequeue();
        };
        NewGate();
        _ownership.ClaimProtected("hostB");

        Pass(9);

        Assert.Empty(answers);
        Assert.Null(_death.At);
    }

    [Fact]
    public void Nobody_waits_for_writes_that_are_allowed_again()
    {
        _waitIdle = _ =>
        {
            Regain();
            return false;
        };
        NewGate();
        _ownership.ClaimProtected("hostB");

        Pass(9);

        Assert.True(_isAllowed);
        Assert.NotNull(_death.At);
    }

    [Fact]
    public async Task A_lease_that_nobody_noticed_to_be_over_is_regained_all_the_same()
    {
        ImageGate gate = NewGate();
        _ownership.ClaimProtected("hostB");
        // The timer is late: it would come with the clock's next step.
        _keeper.Lost += _late.Handle;
        Task loss = Task.Run(() => Pass(9), TestContext.Current.CancellationToken);
        _late.WaitUntilEntered();
        Regain();
        Pass(9);
        gate.Open();
        Assert.False(_isAllowed);

        Regain();

        Assert.True(_isAllowed);
        _late.Go();
        await loss;
        Assert.True(_isAllowed);
    }

    [Fact]
    public void A_closed_gate_stays_so_until_it_is_opened_and_then_the_lease_decides()
    {
        ImageGate gate = NewGate();
        _ownership.ClaimProtected("hostB");

        gate.Close();
        Assert.False(_isAllowed);
        Pass(9);
        Regain();
        Assert.False(_isAllowed);
        gate.Open();
        Assert.True(_isAllowed);
        gate.Close();
        Pass(9);
        gate.Open();
        Assert.False(_isAllowed);
    }

    [Fact]
    public void After_a_sidecar_that_had_claimed_nothing_is_written_before_the_record_is_read()
    {
        _ownership.ClaimProtected("hostB");
        _keeper.Dispose();
        _keeper = NewKeeper(hasClaimed: true);
        NewGate();
        Assert.False(_isAllowed);

        Regain();

        Assert.True(_isAllowed);
    }

    private void Pass(double seconds) => _clock.Advance(TimeSpan.FromSeconds(seconds));

    /// <summary>A reading that names this host, and all handlers of it.</summary>
    private void Regain()
    {
        _keeper.ReadOnce();
        Assert.True(_regained.Wait(Patience, TestContext.Current.CancellationToken));
    }

    private void Take()
    {
        Assert.True(_backup.TryTakeOver());
        _keeper.ReadOnce();
        Assert.True(_taken.Wait(Patience, TestContext.Current.CancellationToken));
    }

    private LeaseKeeper NewKeeper(bool hasClaimed) => new(_ownership, hasClaimed, _clock, _death, NullLogger.Instance);

    private ImageGate NewGate()
    {
        var gate = new ImageGate(_keeper, allowed => _isAllowed = allowed, limit => _waitIdle(limit));
        _keeper.Regained += () => _regained.Release();
        _keeper.Taken += () => _taken.Release();
        return gate;
    }
}
