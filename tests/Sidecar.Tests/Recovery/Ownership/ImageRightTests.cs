// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Recovery;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Hikae.Sidecar.Tests.Recovery;

/// <summary>A host that won a guest from one whose lease is 10 s, margin 1 s.</summary>
public sealed class ImageRightTests : IDisposable
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(10);

    private readonly FakeTimeProvider _clock = new();
    private readonly ImageRight _right;

    public ImageRightTests() => _right = new ImageRight(_clock, NullLogger.Instance);

    public void Dispose() => _right.Dispose();

    [Fact]
    public void Images_are_written_a_lease_and_a_margin_after_the_guest_was_won()
    {
        Pass(1000);
        Assert.False(_right.MayWrite.IsCompleted);
        _right.GrantAfter(Lease);

        Pass(10.9);
        Assert.False(_right.MayWrite.IsCompleted);
        Pass(0.1);
        Assert.True(_right.MayWrite.IsCompletedSuccessfully);
    }

    [Fact]
    public void Fencing_or_a_given_guest_allows_it_at_once_and_once()
    {
        _right.GrantAfter(Lease);

        _right.Grant("hostA is fenced");

        Assert.True(_right.MayWrite.IsCompletedSuccessfully);
        Pass(20);
        _right.Grant("again");
    }

    [Fact]
    public void The_wait_does_not_begin_anew_when_it_is_asked_for_again()
    {
        _right.GrantAfter(Lease);
        Pass(6);
        _right.GrantAfter(Lease);
        _right.GrantAfter(TimeSpan.FromMilliseconds(1));
        Assert.False(_right.MayWrite.IsCompleted);

        Pass(5);

        Assert.True(_right.MayWrite.IsCompletedSuccessfully);
    }

    [Fact]
    public void A_takeover_that_is_given_up_is_granted_nothing()
    {
        _right.GrantAfter(Lease);

        _right.Dispose();
        Pass(20);

        Assert.False(_right.MayWrite.IsCompleted);
    }

    private void Pass(double seconds) => _clock.Advance(TimeSpan.FromSeconds(seconds));
}
