// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Ownership;
using Xunit;

namespace Hikae.Protocol.Tests.Ownership;

public sealed class BoundedArbiterTests : IDisposable
{
    private readonly HangingArbiter _hanging = new();

    public void Dispose() => _hanging.Answer.Dispose();

    [Fact]
    public void A_call_that_hangs_is_no_answer_and_when_it_ends_the_next_is_answered()
    {
        var arbiter = new BoundedArbiter(_hanging, TimeSpan.FromMilliseconds(20));
        for (int i = 0; i < BoundedArbiter.MaxHanging; i++)
        {
            Assert.Throws<ArbiterUnavailableException>(() => arbiter.Read(Guid.NewGuid()));
        }
        Assert.Contains("hangs", Assert.Throws<ArbiterUnavailableException>(() => arbiter.Read(Guid.NewGuid())).Message, StringComparison.Ordinal);
        Assert.Equal(BoundedArbiter.MaxHanging, _hanging.Calls);

        _hanging.Answer.Set();

        OwnershipRecord? answer = ArbiterDirectory.Record(1, "hostA");
        while (answer is not null)
        {
            try
            {
                answer = arbiter.Read(Guid.NewGuid());
            }
            catch (ArbiterUnavailableException)
            {
                Thread.Yield();
            }
        }
    }

    [Fact]
    public void What_the_arbiter_says_and_throws_is_passed_on()
    {
        using var directory = new ArbiterDirectory();
        var arbiter = new BoundedArbiter(directory.Open(), TimeSpan.FromSeconds(30));

        Assert.True(arbiter.TryClaim(ArbiterDirectory.Record(1, "hostA"), out _));
        Assert.False(arbiter.TryClaim(ArbiterDirectory.Record(1, "hostB"), out OwnershipRecord? winner));
        Assert.Equal("hostA", winner!.Owner);
        Directory.Delete(directory.Root, recursive: true);
        Assert.Throws<ArbiterUnavailableException>(() => arbiter.Read(ArbiterDirectory.Guest));
        Directory.CreateDirectory(directory.Root);
    }

    private sealed class HangingArbiter : IArbiter
    {
        private int _calls;

        public ManualResetEventSlim Answer { get; } = new();

        public int Calls => Volatile.Read(ref _calls);

        public OwnershipRecord? Read(Guid guest)
        {
            Interlocked.Increment(ref _calls);
            Answer.Wait();
            return null;
        }

        public bool TryClaim(OwnershipRecord next, out OwnershipRecord? winner) => throw new NotSupportedException();
    }
}
