// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Recovery;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hikae.Sidecar.Tests.Recovery;

/// <summary>When a domain is begun. What comes of it needs a QEMU, and is tested on the lab's hosts.</summary>
public sealed class StandbyDomainTests
{
    private const string Xml = "<domain/>";

    [Fact]
    public void Nothing_is_begun_while_a_recovery_makes_its_own_domain()
    {
        int created = 0;
        using var standby = new StandbyDomain(Create, NullLogger.Instance);
        Assert.Null(standby.Take(Xml));

        standby.Begin(Xml);
        standby.CancelAndWait();
        Assert.Equal(0, created);

        standby.Begin(Xml);
        standby.CancelAndWait();
        Assert.Equal(1, created);

        PreparedDomain Create(string xml)
        {
            Interlocked.Increment(ref created);
            throw new RecoveryException("created enough");
        }
    }

    [Fact]
    public async Task A_recovery_waits_until_one_that_was_not_needed_is_gone()
    {
        using var goOn = new ManualResetEventSlim();
        bool gone = false;
        using var standby = new StandbyDomain(Create, NullLogger.Instance);
        standby.Begin(Xml);
        standby.Cancel();

        Task<PreparedDomain?> take = Task.Run(() => standby.Take(Xml));
        await Task.Delay(50, TestContext.Current.CancellationToken);
        Assert.False(take.IsCompleted);
        goOn.Set();

        Assert.Null(await take);
        Assert.True(Volatile.Read(ref gone));

        PreparedDomain Create(string xml)
        {
            goOn.Wait();
            Volatile.Write(ref gone, true);
            throw new RecoveryException("created too late");
        }
    }
}
