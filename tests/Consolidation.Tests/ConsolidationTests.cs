// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.Consolidation.Tests;

/// <summary>One backup host with the replicas of several guests of two primaries, and not enough memory for all of them.</summary>
public sealed class ConsolidationTests(ConsolidationLab shared) : LabTest(shared)
{
    private static readonly LabGuestOptions Small = Quiet with { Protect = "hostC" };
    private static readonly LabGuestOptions Large = Small with { MemoryMiB = 2048, Priority = 10 };

    private LabHost HostC => Lab.Hosts[2];

    [Fact]
    public void When_both_primaries_die_their_guests_go_on_hottest_first_and_what_does_not_fit_waits_with_its_replica_until_there_is_room()
    {
        LabGuest cold = StartOn(HostA, "all-cold", Large);
        long counted = cold.SerialCountersOn(HostA)[^1];
        LabGuest mild = StartOn(HostA, "all-mild", Small with { Priority = 20 });
        LabGuest hot = StartOn(HostA, "all-hot", Small with { Priority = 90 });
        LabGuest other = StartOn(HostB, "all-other", Small);
        foreach (LabGuest guest in (LabGuest[])[cold, mild, hot, other])
        {
            guest.WaitForState(HostC, "ready");
        }
        cold.WaitForProtected(HostA);

        HostA.Kill();
        HostB.Kill();

        foreach (LabGuest guest in (LabGuest[])[mild, hot, other])
        {
            guest.WaitForProgressOn(HostC);
        }
        GuestReport waiting = cold.WaitForState(HostC, "waiting");
        Assert.Contains("of the 2250 MiB that guests and replicas may take here", waiting.Reason, StringComparison.Ordinal);
        Assert.True(waiting.BackupBytes > 0);
        string log = HostC.Shell("cat /var/log/hikae/hikaed.log");
        Assert.InRange(Turn(log, hot), 0, Turn(log, mild));
        Assert.Equal(-1, Turn(log, cold));

        HostC.RestartHikaed();
        cold.WaitForState(HostC, "waiting");
        Assert.NotEqual("running", cold.StateOn(HostC));

        foreach (LabGuest guest in (LabGuest[])[mild, hot, other])
        {
            HostC.Virsh("destroy", guest.Name);
        }
        cold.WaitForProgressOn(HostC);
        cold.WaitForDomainState(HostC, "running");
        Assert.True(cold.SerialCountersOn(HostC)[0] > counted);
    }

    [Fact]
    public void A_guest_that_waits_is_started_by_the_administrators_command()
    {
        LabGuest cold = LeaveWaiting("asked");

        HostC.Hikae("failover", cold.Name);

        cold.WaitForProgressOn(HostC);
    }

    [Fact]
    public void A_guest_that_waits_is_started_by_its_primary_when_that_is_back_and_by_nobody_else()
    {
        LabGuest cold = LeaveWaiting("back");
        Assert.False(HostC.TryRun("virsh", "create", $"/srv/shared/guests/{cold.Name}/domain.xml").Succeeded);
        cold.WaitForState(HostC, "waiting");

        HostA.Boot();
        HostA.Virsh("start", cold.Name);

        cold.WaitForProtected(HostA);
        cold.WaitForState(HostC, "ready");
        Assert.NotEqual("running", cold.StateOn(HostC));
    }

    [Fact]
    public void Beyond_the_budget_a_further_guest_is_refused_with_the_figures_and_the_protected_one_stays()
    {
        LabGuest first = StartOn(HostA, "budget-first", Small);
        Configure("budget = 1 MiB");

        LabGuest second = Lab.Guest("budget-second", Small).Start(HostB);
        second.WaitForReport(HostB, "refused", report => report.State == "unprotected" && report.Reason.StartsWith("the backup host hostC keeps ", StringComparison.Ordinal)
            && report.Reason.Contains("of its budget of 1 MiB", StringComparison.Ordinal));
        first.WaitForProtected(HostA);

        // Its replica is copied anew, and it is not refused for that.
        LoseBackup(first, HostA, HostC, unplugged: HostA);
        HostA.Restore("repl");
        first.WaitForProtected(HostA);

        Configure("");
        second.WaitForProtected(HostB);
    }

    /// <summary>A guest whose primary is dead, and which does not fit beside the one that runs on its backup.</summary>
    private LabGuest LeaveWaiting(string name)
    {
        LabGuest blocking = Lab.Guest(name + "-blocking", Small with { Protect = null, MemoryMiB = 512 }).Start(HostC);
        LabGuest cold = StartOn(HostA, name + "-cold", Large);
        cold.WaitForState(HostC, "ready");
        HostA.Kill();
        cold.WaitForState(HostC, "waiting");
        Assert.Equal("running", blocking.StateOn(HostC));
        return cold;
    }

    private LabGuest StartOn(LabHost host, string name, LabGuestOptions options)
    {
        LabGuest guest = Lab.Guest(name, options).Start(host);
        guest.WaitForProgressOn(host);
        guest.WaitForProtected(host);
        return guest;
    }

    private void Configure(string line)
    {
        HostC.Shell($"sed -i -e '/^budget = /d' -e 's/^\\[backup\\]$/[backup]\\n{line}/' /etc/hikae/hikae.conf");
        HostC.RestartHikaed();
    }

    private static int Turn(string log, LabGuest guest) => log.IndexOf($"It is the turn of {guest.Name} ", StringComparison.Ordinal);
}
