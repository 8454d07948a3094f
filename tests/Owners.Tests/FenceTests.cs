// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.Owners.Tests;

/// <summary>A fence agent that cuts a host's power. Leases are long here: whoever writes an image early does so because of the fence.</summary>
public sealed class FenceTests
{
    private static readonly IReadOnlyDictionary<string, string> LongLease = new Dictionary<string, string> { ["arbiter.lease_ms"] = "20000" };

    private const string LeaseIsOver = "the former owner's lease is over";

    [Fact]
    public void Images_are_written_at_once_when_the_former_owner_is_off_and_after_its_lease_when_that_failed()
    {
        Lab.RequireParts();
        using Lab lab = Lab.Up("fence", new LabOptions { Settings = SharedLab.CalmSettings.Concat(PowerSwitch.Settings).Concat(LongLease).ToDictionary() });
        using var power = new PowerSwitch(lab);
        using var one = new OneOwner(lab, "fenced");

        // It lives, and has its clients and its image within reach.
        using (HiddenFolder.Arbiter(lab.HostA))
        {
            lab.HostA.Cut("repl");
            one.WaitUntilImageIsWrittenBy(lab.HostB);
        }
        Assert.Equal(["action=off", "port=hostA", "plug=hostA", "nodename=hostA", "ip=power.example", "username=lab"], power.LastOptions);
        Assert.False(lab.HostA.IsRunning);
        Assert.Contains("hostA is fenced", Log(one, lab.HostB), StringComparison.Ordinal);
        Assert.DoesNotContain(LeaseIsOver, Log(one, lab.HostB), StringComparison.Ordinal);
        one.Ledger.WaitForAnswers(5);
        lab.HostA.Boot();
        one.Guest.WaitForProtected(lab.HostB);
        one.AssertOwners(lab.HostA, lab.HostB);

        power.IsBroken = true;
        lab.HostB.Kill();
        one.Guest.WaitForDomainState(lab.HostA, "running");
        lab.Until("the fence has failed", () => Log(one, lab.HostA).Contains("ended with status 1", StringComparison.Ordinal));
        Assert.Equal(["hostA", "hostB"], one.Writers);
        Assert.DoesNotContain(LeaseIsOver, Log(one, lab.HostA), StringComparison.Ordinal);

        one.WaitUntilImageIsWrittenBy(lab.HostA);
        Assert.Contains(LeaseIsOver, Log(one, lab.HostA), StringComparison.Ordinal);
        one.Ledger.WaitForAnswers(5);
        one.AssertOwners(lab.HostA, lab.HostB, lab.HostA);
        one.Stop(lab.HostA);
    }

    private static string Log(OneOwner one, LabHost host) => host.Shell($"cat /var/log/hikae/{one.Guest.Uuid}*.log");
}
