// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.Packages.Tests;

/// <summary>The .deb for guests, in a Debian guest whose systemd starts what the package brought.</summary>
public sealed class GuestPackageTests(PackagesLab packages)
{
    [Fact]
    public void Its_unit_runs_the_agent_which_tells_the_free_pages_and_runs_the_administrators_program_after_a_failover()
    {
        Lab lab = packages.Lab;
        (LabHost hostA, LabHost hostB) = (lab.HostA, lab.HostB);
        lab.Install(hostA, hostB);
        LabGuest guest = lab.StartGuest("debian", new LabGuestOptions { Debian = true, MemoryMiB = 512, Nic = true, Agent = true, App = "idle" });
        try
        {
            lab.Until("the guest is up", () => guest.SerialOn(hostA).Contains("guest debian up after", StringComparison.Ordinal));

            Assert.Equal("", guest.Run("dpkg -V hikae-guest"));
            Assert.Equal(
                "active\nenabled\n/usr/lib/systemd/system/hikae-guest.service",
                guest.Run("systemctl is-active hikae-guest; systemctl is-enabled hikae-guest; systemctl show -P FragmentPath hikae-guest").Trim());
            Assert.Equal("/usr/sbin/hikae-guest", guest.Run("readlink /proc/$(systemctl show -P MainPID hikae-guest)/exe").Trim());
            guest.Run("mkdir /etc/hikae-guest; printf '#!/bin/sh\\necho failover $1 >/run/failed-over\\n' >/etc/hikae-guest/failed-over; chmod 0755 /etc/hikae-guest/failed-over");

            // Not before: a guest that boots writes all the time, and each of its flushes waits for a checkpoint.
            hostA.Hikae("enable", guest.Name, "--backup", "hostB");
            guest.WaitForReport(hostA, "protected, with pages that its agent says are free", report => report is { State: "protected", SoftPages.Free: > 0 });

            hostB.Hikae("failover", guest.Name);
            guest.WaitForDomainState(hostB, "running");
            guest.WaitForReport(hostB, "protected by hostA, with free pages", report => report is { Role: "primary", State: "protected", SoftPages.Free: > 0 });
            lab.Until("the agent has run the administrator's program", () => guest.Run("cat /run/failed-over || true").StartsWith("failover ", StringComparison.Ordinal));
        }
        finally
        {
            foreach (LabHost host in new[] { hostA, hostB })
            {
                host.TryRun("sh", "-c", "virsh -q destroy debian; virsh -q undefine debian");
            }
        }
    }
}
