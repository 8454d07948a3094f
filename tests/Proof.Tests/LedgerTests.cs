// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Hikae.Harness.Ledger;
using Hikae.Harness.Ledger.Checking;
using Xunit;

namespace Hikae.Proof.Tests;

/// <summary>The means of proof are proven first: an honest disk loses nothing, and a failover that may lose something is found out.</summary>
public sealed class LedgerTests(ProofLab lab) : LabTest(lab)
{
    [Fact]
    public void A_guest_whose_QEMU_was_killed_remembers_everything_it_acknowledged()
    {
        LabGuest guest = Lab.StartGuest("crash", LedgerGuest.Options);
        using var ledger = new LedgerGuest(guest, clients: 4, seed: 1);
        ledger.WaitForAnswers(10);

        HostA.Signal("KILL", guest.QemuOn(HostA));
        guest.WaitForDomainState(HostA, "shut off");
        HostA.Virsh("start", guest.Name);

        ledger.WaitForAnswers(10);
        Assert.Empty(ledger.Judge());
        Assert.True(ledger.Workload.BrokenConnections > 0);
        Assert.Equal(2, ledger.Workload.History.Operations.Where(operation => operation.IsAnswered).Select(operation => operation.Stamp!.Boot).Distinct().Count());
        ledger.StopInOrder(HostA);
        Assert.Empty(ledger.JudgeFile());
        Assert.Null(ledger.FilesystemFault());
    }

    [Fact]
    public void A_guest_with_its_ledger_in_memory_forgets_nothing_in_power_cuts_of_one_host_after_the_other()
    {
        LabGuest guest = Lab.StartGuest("in-memory", LedgerGuest.Options with { Disk = null, Protect = "hostB" });
        using var ledger = new LedgerGuest(guest, clients: 4, seed: 1);

        CutOneHostAfterTheOther(guest, ledger);
    }

    [Fact]
    public void A_guest_with_its_ledger_on_a_disk_forgets_nothing_in_power_cuts_of_one_host_after_the_other()
    {
        LabGuest guest = Lab.StartGuest("on-disk", LedgerGuest.Options with { Protect = "hostB" });
        using var ledger = new LedgerGuest(guest, clients: 4, seed: 1);

        CutOneHostAfterTheOther(guest, ledger);

        ledger.StopInOrder(HostA);
        Assert.Empty(ledger.JudgeFile());
        Assert.Null(ledger.FilesystemFault());
    }

    [Fact]
    public void Without_holding_outputs_a_failover_is_found_to_lose_what_was_acknowledged()
    {
        LabGuest guest = Lab.StartGuest("unheld", LedgerGuest.Options with { Protect = "hostB", Outputs = "unheld", IntervalMs = 5000 });
        using var ledger = new LedgerGuest(guest, clients: 4, seed: 1);
        ledger.WaitForAnswers(10);
        ulong epoch = guest.WaitForProtected(HostA).Epoch;
        // A checkpoint that has just been made has none of the answers that follow, and the next one is seconds away.
        guest.WaitForReport(HostA, "the next checkpoint", report => report.Epoch > epoch);
        ledger.WaitForAnswers(1);

        HostA.Kill();
        guest.WaitForDomainState(HostB, "running");

        // A client whose connection did not survive waits for long before it connects again.
        ledger.WaitForAnswers(3);
        Assert.Contains(ledger.Judge(), violation => violation.Kind is ViolationKind.Lost or ViolationKind.PositionWentBack);
    }

    /// <summary>The guest moves to the second host and back, under clients who notice nothing but a pause.</summary>
    private void CutOneHostAfterTheOther(LabGuest guest, LedgerGuest ledger)
    {
        using LanWatch lan = Lab.Watch();
        ledger.WaitForAnswers(10);
        guest.WaitForProtected(HostA);
        ledger.WaitForAnswers(10);

        HostA.Kill();
        ledger.WaitForAnswers(10);
        HostA.Boot();
        guest.WaitForProtected(HostB);
        ledger.WaitForAnswers(10);
        HostB.Kill();
        ledger.WaitForAnswers(10);

        Assert.Empty(ledger.Judge());
        Assert.Equal(0, ledger.Workload.BrokenConnections);
        Assert.Single(ledger.Workload.History.Operations.Where(operation => operation.IsAnswered).Select(operation => operation.Stamp!.Boot).Distinct());
        Assert.Equal([HostA.Name, HostB.Name, HostA.Name], lan.RunsOf(guest).Select(run => run.Host));
    }
}
