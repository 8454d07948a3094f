// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.TwoHosts.Tests;

public sealed class OptInTests(SharedLab shared) : LabTest(shared, keepsGuest: true)
{
    private const string Annotation = "urn:hikae:domain:1";

    private static LabGuestOptions NotAnnotated { get; } = Quiet with { Protect = null };

    [Fact]
    public void A_guest_without_annotation_has_no_sidecar_and_no_status_until_virsh_metadata_or_hikae_enable_protects_it_and_after_it_is_released()
    {
        LabGuest guest = Lab.StartGuest("plain", NotAnnotated);
        LabGuest other = KeptProtected();
        Assert.Null(guest.SidecarOn(HostA));
        Assert.Null(guest.ReportOn(HostA));
        Assert.NotNull(other.SidecarOn(HostA));

        HostA.Virsh("metadata", guest.Name, Annotation, "--key", "hikae", "--set", "<protect backup=\"hostB\"/>", "--live");
        guest.WaitForProtected(HostA);
        guest.WaitForState(HostB, "ready");
        HostA.Virsh("metadata", guest.Name, Annotation, "--remove", "--live");
        AssertReleased(guest);

        HostA.Hikae("enable", guest.Name, "--backup", "hostB");
        guest.WaitForProtected(HostA);
        HostA.Hikae("disable", guest.Name);
        AssertReleased(guest);
        Assert.DoesNotContain(Annotation, HostA.Virsh("dumpxml", "--inactive", guest.Name), StringComparison.Ordinal);
    }

    [Fact]
    public void The_state_stands_in_the_live_metadata_too()
    {
        LabGuest guest = KeptProtected();

        Lab.Until("the live metadata say protected", () => LiveStatus(guest).Contains("state=\"protected\"", StringComparison.Ordinal));
    }

    [Fact]
    public void Outputs_that_are_not_held_are_said_in_the_status_and_in_the_live_metadata()
    {
        const string Reason = "outputs are not held: packets and disk writes leave before their checkpoint is committed (an experiment)";
        LabGuest guest = KeptProtected();

        HostA.Hikae("enable", guest.Name, "--backup", "hostB", "--outputs", "unheld");
        guest.WaitForReport(HostA, "protected without holding outputs, and why", report => report is { State: "protected", Outputs: "unheld", Reason: Reason });
        Lab.Until("the live metadata say so", () => LiveStatus(guest).Contains(Reason, StringComparison.Ordinal));

        HostA.Hikae("enable", guest.Name, "--backup", "hostB", "--outputs", "held");
        guest.WaitForReport(HostA, "protected, with nothing to say", report => report is { State: "protected", Outputs: not "unheld", Reason: "" });
    }

    [Fact]
    public void A_malformed_annotation_lets_the_guest_run_and_says_what_is_wrong()
    {
        LabGuest guest = Lab.StartGuest("malformed", Quiet with { EditXml = xml => xml.Replace(" backup=\"hostB\"", "", StringComparison.Ordinal) });

        AssertRefused(guest, "backup");
    }

    [Fact]
    public void A_disk_that_cannot_be_held_is_refused_with_the_reason()
    {
        LabGuest guest = Lab.StartGuest("shared-disk", Quiet with
        {
            Data = ["virtio,raw,16M"],
            EditXml = xml => xml.Replace("</disk>", "<shareable/></disk>", StringComparison.Ordinal),
        });

        AssertRefused(guest, "is shared with others");
    }

    private void AssertReleased(LabGuest guest)
    {
        guest.WaitForNoReport(HostB);
        Lab.Until("both sidecars are gone", () => guest.SidecarOn(HostA) is null && guest.SidecarOn(HostB) is null);
        AssertRunsOnlyOnHostA(guest);
    }

    private void AssertRefused(LabGuest guest, string reason)
    {
        guest.WaitForReport(HostA, $"unprotected with \"{reason}\"", report =>
            report.State == "unprotected" && report.Reason.Contains(reason, StringComparison.Ordinal));
        Lab.Until($"the live metadata say \"{reason}\"", () => LiveStatus(guest).Contains(reason, StringComparison.Ordinal));
        Assert.Null(guest.SidecarOn(HostB));
        AssertRunsOnlyOnHostA(guest);
    }

    private string LiveStatus(LabGuest guest) => HostA.TryRun("virsh", "metadata", guest.Name, "urn:hikae:status:1").Output.Replace('\'', '"');
}
