// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Clients;
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.Outputs.Tests;

public sealed class HeldPacketsTests(OutputsLab shared) : LabTest(shared)
{
    private static LabGuestOptions Held { get; } = Quiet with { Nic = true };

    [Fact]
    public void No_client_saw_an_answer_that_the_guest_forgot()
    {
        LabGuest guest = StartProtected("held", Held);
        using var echo = new Echo(guest);
        using GuestListener listener = guest.Listen();
        using var conversation = new CounterConversation(guest);
        conversation.WaitForMore(20);
        listener.WaitForProgress();
        echo.Ask();
        Assert.Equal("held", guest.ReportOn(HostA)?.Outputs);

        // Between the two the guest answers on, and nothing of that may be heard.
        HostA.Cut("repl");
        HostA.Kill();
        conversation.WaitForMore(20);
        echo.Ask();
        listener.WaitForProgress();

        // The same connection, each request answered once; and the guest's own count, each number heard once.
        AssertContiguous(conversation.Answers);
        IReadOnlyList<long> counters = listener.Counters;
        Assert.Equal(counters.Distinct().Order(), counters);
    }

    [Fact]
    public void A_primary_that_goes_on_alone_lets_everything_out_and_an_interface_that_comes_and_goes_is_held_as_well_and_leaves_nothing()
    {
        LabGuest guest = StartProtected("alone", Held with
        {
            EditXml = xml => xml.Replace("</devices>", HotPlugTests.FreeSlots + "</devices>", StringComparison.Ordinal),
        });
        using GuestListener listener = guest.Listen();
        using var conversation = new CounterConversation(guest);
        conversation.WaitForMore(10);
        listener.WaitForProgress();

        LoseBackup(guest, HostA, HostB, unplugged: HostB);
        conversation.WaitForMore(10);
        listener.WaitForProgress();

        AssertContiguous(conversation.Answers);
        AssertContiguous(listener.Counters);
        Lab.Until("no filter is left", () => Leftovers(guest) == "");
        HostB.Restore("repl");
        guest.WaitForProtected(HostA);
        conversation.WaitForMore(10);
        AssertContiguous(listener.Counters);

        File.WriteAllText(Path.Combine(Lab.SharedFolder, "second.xml"), HotPlugTests.Nic);

        HostA.Virsh("attach-device", guest.Name, "/srv/shared/second.xml", "--live");
        Lab.Until("the second interface has its filter", () => Leftovers(guest).Contains("hikae-redir-net1", StringComparison.Ordinal));
        guest.WaitForProtected(HostA);
        conversation.WaitForMore(10);
        HostA.Virsh("detach-device", guest.Name, "/srv/shared/second.xml", "--live");
        Lab.Until("nothing is left of the second", () => !Leftovers(guest).Contains("net1", StringComparison.Ordinal));

        guest.WaitForProtected(HostA);
        conversation.WaitForMore(10);
        AssertContiguous(conversation.Answers);
        HostA.Hikae("disable", guest.Name);
        Lab.Until("no filter is left", () => Leftovers(guest) == "");
        conversation.WaitForMore(10);
    }

    private static void AssertContiguous(IReadOnlyList<long> numbers) =>
        Assert.Equal(Enumerable.Range(0, numbers.Count).Select(n => numbers[0] + n), numbers);

    /// <summary>The names of all that is ours in QEMU's network.</summary>
    private string Leftovers(LabGuest guest) => HostA.Shell(
        $$$"""
        for c in '{"execute":"qom-list","arguments":{"path":"/objects"}}' '{"execute":"query-chardev"}'; do
            virsh -q qemu-monitor-command {{{guest.Name}}} "$c"
        done | grep -o 'hikae-[a-z]*-[a-z0-9]*' | sort -u
        """).Trim();
}
