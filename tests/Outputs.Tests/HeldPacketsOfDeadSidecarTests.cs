// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Clients;
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.Outputs.Tests;

public sealed class HeldPacketsOfDeadSidecarTests(SlowDetectionLab lab) : LabTest(lab), IClassFixture<SlowDetectionLab>
{
    [Fact]
    public void A_killed_sidecar_leaks_nothing_and_the_network_works_again()
    {
        LabGuest guest = StartProtected("leak", Quiet with { Nic = true });
        using GuestListener listener = guest.Listen();
        using var conversation = new CounterConversation(guest);
        conversation.WaitForMore(10);
        listener.WaitForProgress();

        // Nothing can be committed any more, and nobody notices yet: all that the guest says waits.
        HostB.Cut("repl");
        guest.WaitForReport(HostA, "that holds a second of packets", report => report.Packets?.HeldBytes > 50 * 80);
        long last = listener.Counters[^1];
        HostA.Signal("KILL", guest.SidecarOn(HostA)!.Value);
        listener.WaitForProgress();
        conversation.WaitForMore(10);

        // What waited died with the sidecar: at least half of a second's numbers, one each 20 ms, were never heard.
        long first = listener.Counters.First(number => number > last);
        Assert.True(first > last + 25, $"{last} was heard before, {first} right after");
        IReadOnlyList<long> counters = listener.Counters;
        Assert.Equal(counters.Distinct().Order(), counters);
        AssertRunsOnlyOnHostA(guest);
    }
}
