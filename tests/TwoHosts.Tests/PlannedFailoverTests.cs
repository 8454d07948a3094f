// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.TwoHosts.Tests;

public sealed class PlannedFailoverTests(SharedLab shared) : LabTest(shared)
{
    [Fact]
    public void A_planned_failover_moves_the_guest_and_loses_nothing()
    {
        LabGuest guest = Lab.StartGuest("planned", Talking);
        using GuestListener listener = guest.Listen();
        listener.WaitForCounter();
        guest.WaitForProtected(HostA);

        HostB.Hikae("failover", guest.Name);

        guest.WaitForDomainState(HostB, "running");
        Lab.Until("hostA's copy is gone", () => guest.StateOn(HostA) is not ("running" or "paused"));
        listener.WaitForProgress();
        long[] heard = [.. listener.Counters];
        Assert.Equal(heard.Distinct().Order(), heard);

        guest.WaitForProtected(HostB);
        HostA.Hikae("failover", guest.Name);
        guest.WaitForDomainState(HostA, "running");
        listener.WaitForProgress();
        heard = [.. listener.Counters];
        Assert.Equal(heard.Distinct().Order(), heard);
    }

    [Fact]
    public void A_planned_failover_takes_longer_than_a_lost_link_needs_to_be_believed_and_starts_one_domain()
    {
        foreach (LabHost host in Lab.Hosts)
        {
            host.Shell("sed -i 's/^detect_ms *=.*/detect_ms = 1000/' /etc/hikae/hikae.conf && grep -q '^detect_ms = 1000' /etc/hikae/hikae.conf");
        }
        try
        {
            LabGuest guest = Lab.StartGuest("hasty", Talking);
            using GuestListener listener = guest.Listen();
            listener.WaitForCounter();
            guest.WaitForProtected(HostA);

            HostB.Hikae("failover", guest.Name);

            guest.WaitForDomainState(HostB, "running");
            guest.WaitForProtected(HostB);
            listener.WaitForProgress();
            Assert.Equal("0", HostB.Shell($"grep -c -e 'left over from a recovery' -e 'recovery is tried again' /var/log/hikae/{guest.Uuid}.log; true").Trim());
        }
        finally
        {
            foreach (LabHost host in Lab.Hosts)
            {
                host.Shell("sed -i 's/^detect_ms *=.*/detect_ms = 2000/' /etc/hikae/hikae.conf");
            }
        }
    }

    [Fact]
    public async Task A_former_primary_that_takes_its_time_to_end_its_copy_keeps_nobody_from_being_its_backup()
    {
        LabGuest guest = Lab.StartGuest("slow", Quiet);
        guest.WaitForProtected(HostA);
        string log = $"/var/log/hikae/{guest.Uuid}.log";
        int sidecar = guest.SidecarOn(HostA)!.Value;
        // It stands still from its promise to give the guest away until the new primary asks its host to be the backup, and a second more.
        Task<CommandResult> stood = AsSoonAs(HostA, $"sleep 0.01; grep -q 'the guest moves to' {log}", $"kill -STOP {sidecar}");
        Task<CommandResult> asked = AsSoonAs(HostB, $"sleep 0.01; grep -q 'role=Primary State Synchronising: the backup tries' {log}", "sleep 1");

        HostB.Hikae("failover", guest.Name);
        Assert.All(await Task.WhenAll(stood, asked), looked => Assert.True(looked.Succeeded, $"{looked}"));
        HostA.TryRun("kill", "-CONT", $"{sidecar}");

        guest.WaitForProtected(HostB);
        Assert.Equal("", HostB.Shell($"grep 'State Unprotected' {log}; true"));
    }

    [Fact]
    public void A_failover_of_a_guest_without_a_replica_is_refused()
    {
        LabGuest guest = Lab.StartGuest("alone", Quiet with { Protect = null });

        CommandResult result = HostB.TryRun("hikae", "failover", guest.Name);

        Assert.False(result.Succeeded);
        AssertRunsOnlyOnHostA(guest);
    }
}
