// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Ownership;
using Hikae.Sidecar.Recovery;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Hikae.Sidecar.Tests.Recovery;

/// <summary>The time of day of two hosts jumps about, each its own way, while a guest changes its owner: both keep to the lease of 10 s as if it did not.</summary>
public sealed class SteppedClockTests : IDisposable
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(10);

    private readonly string _folder = Directory.CreateTempSubdirectory("hikae-clock-").FullName;
    private readonly FakeTimeProvider _elapsed = new();
    private readonly SteppedClock _ownersClock;
    private readonly SteppedClock _claimersClock;
    private readonly RecordedDeath _death = new();
    private readonly UnansweredArbiter _arbiter;

    public SteppedClockTests()
    {
        _ownersClock = new SteppedClock(_elapsed);
        _claimersClock = new SteppedClock(_elapsed);
        _arbiter = new UnansweredArbiter(new SharedDirectoryArbiter(_folder));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(3650)]
    [InlineData(-3650)]
    [InlineData(0.00002)]
    [InlineData(-0.0001)]
    public void A_lease_ends_when_it_should_and_images_are_written_after_it(double days)
    {
        var guest = Guid.NewGuid();
        var ownership = new GuestOwnership(_arbiter, guest, "hostA", Lease);
        var backup = new GuestOwnership(new SharedDirectoryArbiter(_folder), guest, "hostB", Lease);
        using var keeper = new LeaseKeeper(ownership, hasClaimed: false, _ownersClock, _death, NullLogger.Instance);
        using var right = new ImageRight(_claimersClock, NullLogger.Instance);
        var step = TimeSpan.FromDays(days);
        ownership.ClaimProtected("hostB");
        Pass(5);
        _ownersClock.Step = step;
        keeper.ReadOnce();
        long confirmed = _elapsed.GetTimestamp();
        Assert.True(keeper.MayWrite);

        _arbiter.Unreachable = int.MaxValue;
        Assert.True(backup.TryTakeOver());
        right.GrantAfter(backup.FormerLease);
        _claimersClock.Step = -step;
        _ownersClock.Step = -step;
        Pass(7.9);
        Assert.True(keeper.MayWrite);
        _ownersClock.Step = step;
        Assert.True(keeper.MayWrite);
        Assert.Equal(confirmed + (10 * _elapsed.TimestampFrequency), _death.At);
        Pass(0.2);
        Assert.False(keeper.MayWrite);
        _ownersClock.Step = -step;
        Assert.False(keeper.MayWrite);

        _claimersClock.Step = step;
        Pass(2.8);
        Assert.False(right.MayWrite.IsCompleted);
        Pass(0.1);
        Assert.True(right.MayWrite.IsCompletedSuccessfully);
    }

    private void Pass(double seconds) => _elapsed.Advance(TimeSpan.FromSeconds(seconds));
}
