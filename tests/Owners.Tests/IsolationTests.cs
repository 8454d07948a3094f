// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Harness.Labs;
using Hikae.Protocol.Configuration;
using Xunit;

namespace Hikae.Owners.Tests;

/// <summary>Hosts that are cut off from each other and from the arbiter: never do both run the guest, and it goes on when one may.</summary>
public sealed class IsolationTests(OwnersLab shared) : LabTest(shared)
{
    private static readonly TimeSpan Lease = new ArbiterConfiguration().Lease;
    private static readonly TimeSpan TwoLeases = 2 * Lease;

    [Fact]
    public void With_neither_link_nor_arbiter_the_primary_pauses_its_guest_and_goes_on_when_the_record_still_names_it()
    {
        LabGuest guest = StartProtected("isolated", Quiet);

        HideArbiter();
        HostB.Cut("repl");
        guest.WaitForState(HostA, "paused");
        Assert.Equal("paused", guest.StateOn(HostA));
        // It may have a domain prepared, which does not run before the arbiter has answered.
        Assert.NotEqual("running", guest.StateOn(HostB));
        HostB.Freeze();
        ShowArbiter();

        guest.WaitForProgressOn(HostA);
        guest.WaitForState(HostA, "unprotected");
        Assert.NotNull(guest.SidecarOn(HostA));
    }

    [Fact]
    public void A_backup_that_is_cut_off_from_everything_and_an_arbiter_that_is_away_stop_no_guest_and_start_none()
    {
        using var one = new OneOwner(Lab, "backup-isolated");
        using (HiddenFolder.Storage(HostB))
        {
            CutOff(HostB);
            one.Guest.WaitForState(HostA, "unprotected");
            one.Guest.WaitForReport(HostB, "lost, without an arbiter", report => report.State == "failed" && report.Reason.Contains("arbiter", StringComparison.Ordinal));
            one.Ledger.WaitForAnswers(5);
        }
        PlugIn(HostB);
        one.Guest.WaitForProtected(HostA);

        using (HiddenFolder.Arbiter(HostA))
        {
            one.WaitForAnswersDuring(TwoLeases);
            using (HiddenFolder.Arbiter(HostB))
            {
                one.WaitForAnswersDuring(TwoLeases);
            }
        }
        Assert.Equal("protected", one.Guest.ReportOn(HostA)!.State);

        one.AssertOwners(HostA);
        one.Stop(HostA);
        Assert.Equal([HostA.Name], one.Writers);
    }

    [Fact]
    public void A_primary_that_is_cut_off_loses_its_guest_and_neither_speaks_nor_writes_for_it_any_more_whatever_clocks_do()
    {
        using var clockA = new HostClock(HostA);
        using var clockB = new HostClock(HostB);
        using var one = new OneOwner(Lab, "primary-isolated");

        string record = one.NewestRecord;
        SetWhileProtected(one, (clockA, 5), (clockB, -3));
        SetWhileProtected(one, (clockA, -2), (clockB, 7));
        Assert.Equal(record, one.NewestRecord);
        Assert.DoesNotContain("The lease has run out", HostA.Shell($"cat /var/log/hikae/{one.Guest.Uuid}.log"), StringComparison.Ordinal);
        one.AssertOwners(HostA);

        // Clients and image are still within its reach: only its own word keeps it from them.
        using (HiddenFolder.Arbiter(HostA))
        {
            HostA.Cut("repl");
            LoseWhileClocksJump(one, clockA, clockB, hours: 6);
            one.Ledger.WaitForAnswers(5);
        }
        PlugIn(HostA);
        one.Guest.WaitForProtected(HostB);
        one.AssertOwners(HostA, HostB);

        using (HiddenFolder.Storage(HostB))
        {
            CutOff(HostB);
            LoseWhileClocksJump(one, clockB, clockA, hours: -6);
        }
        PlugIn(HostB);
        one.Guest.WaitForProtected(HostA);
        one.Ledger.WaitForAnswers(5);

        one.AssertOwners(HostA, HostB, HostA);
        one.Stop(HostA);
        Assert.Equal([HostA.Name, HostB.Name, HostA.Name], one.Writers);
    }

    [Fact]
    public void Two_hosts_that_lose_only_their_link_have_one_owner_whichever_of_them_the_arbiter_hears_first()
    {
        using var one = new OneOwner(Lab, "link-cut");

        // Each finds out by itself, and claims.
        HostB.Cut("repl");
        LabHost first = one.WaitForOnlyOwner();
        HostB.Restore("repl");
        one.Guest.WaitForProtected(first);
        LabHost[] owners = [.. new[] { HostA, first }.Distinct()];
        one.AssertOwners(owners);

        // The backup is first: the primary's sidecar sleeps through it, while its guest runs on.
        LabHost second = Lab.Hosts.Single(host => host != first);
        int sidecar = one.Guest.SidecarOn(first)!.Value;
        HostB.Cut("repl");
        first.Signal("STOP", sidecar);
        one.WaitUntilHeardFrom(second);
        first.TryRun("kill", "-CONT", $"{sidecar}");
        Assert.Equal(second, one.WaitForOnlyOwner());
        HostB.Restore("repl");
        one.Guest.WaitForProtected(second);
        one.WaitUntilImageIsWrittenBy(second);
        one.AssertOwners([.. owners, second]);

        one.Stop(second);
        Assert.Equal([.. owners.Select(host => host.Name), second.Name], one.Writers);
    }

    [Fact]
    public void A_primary_that_stood_still_and_wakes_after_the_failover_or_after_the_guests_end_is_not_heard_and_leaves_its_image_alone()
    {
        using var one = new OneOwner(Lab, "woken");

        // Long before the lease's end.
        one.Freeze(HostA);
        one.WaitUntilHeardFrom(HostB);
        HostA.Thaw();
        one.Guest.WaitForProtected(HostB);
        one.WaitUntilImageIsWrittenBy(HostB);
        one.AssertOwners(HostA, HostB);

        // After it.
        one.Freeze(HostB);
        one.WaitUntilImageIsWrittenBy(HostA);
        HostB.Thaw();
        one.Guest.WaitForProtected(HostA);
        one.Ledger.WaitForAnswers(5);
        one.AssertOwners(HostA, HostB, HostA);

        one.Freeze(HostA);
        one.WaitUntilImageIsWrittenBy(HostB);
        one.Stop(HostB);
        HostA.Thaw();
        Lab.Until("hostA gave the guest up", () => one.Guest.StateOn(HostA) is "shut off" or "absent" && one.Guest.SidecarOn(HostA) is null);

        one.AssertDisk();
        one.AssertHeardFrom(HostA, HostB, HostA, HostB);
        Assert.Equal([HostA.Name, HostB.Name, HostA.Name, HostB.Name], one.Writers);
    }

    [Fact]
    public void A_protected_guest_is_not_started_by_hand_on_its_backup()
    {
        LabGuest guest = StartProtected("by-hand", Quiet);
        File.WriteAllText(Path.Combine(Lab.SharedFolder, "by-hand.xml"), HostA.Virsh("dumpxml", "--inactive", guest.Name));
        HostB.Virsh("define", "/srv/shared/by-hand.xml");

        CommandResult start = HostB.TryRun("virsh", "start", guest.Name);

        Assert.False(start.Succeeded);
        Assert.Contains("active on hostA", start.Errors, StringComparison.Ordinal);
        HostB.Virsh("undefine", guest.Name);
        AssertRunsOnlyOnHostA(guest);
    }

    /// <summary>Nothing comes of it, for longer than a lease.</summary>
    private void SetWhileProtected(OneOwner one, params (HostClock Clock, int Hours)[] settings)
    {
        Assert.All(settings, setting =>
        {
            setting.Clock.Set(setting.Hours);
            setting.Clock.AssertSeenBy(one.Guest);
        });
        one.WaitForAnswersDuring(1.5 * Lease);
        Assert.Equal("protected", one.Guest.ReportOn(HostA)!.State);
    }

    /// <summary>The primary was cut off just now: the two clocks jump apart by twice these hours, and again when its former backup's guest speaks and its lease still runs.</summary>
    private static void LoseWhileClocksJump(OneOwner one, HostClock loser, HostClock winner, int hours)
    {
        long cutOff = Stopwatch.GetTimestamp();
        loser.Set(hours);
        winner.Set(-hours);
        one.WaitUntilHeardFrom(winner.Host);
        loser.Set(hours - 12);
        winner.Set(hours);
        one.WaitUntilImageIsWrittenBy(winner.Host);
        // The claim came after the cut, and these writes a lease after the claim.
        Assert.True(Stopwatch.GetElapsedTime(cutOff) > Lease);
        one.Guest.WaitForDomainState(loser.Host, "paused");
        loser.Set(0);
        winner.Set(0);
    }

    private static void CutOff(LabHost host)
    {
        host.Cut("lan");
        host.Cut("repl");
    }

    private static void PlugIn(LabHost host)
    {
        host.Restore("lan");
        host.Restore("repl");
    }

    private void HideArbiter() => Directory.Move(Path.Combine(Lab.SharedFolder, "hikae"), Path.Combine(Lab.SharedFolder, "hikae-away"));

    private void ShowArbiter() => Directory.Move(Path.Combine(Lab.SharedFolder, "hikae-away"), Path.Combine(Lab.SharedFolder, "hikae"));
}
