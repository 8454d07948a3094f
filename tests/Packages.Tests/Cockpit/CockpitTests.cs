// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness;
using Hikae.Harness.Labs;
using PuppeteerSharp;
using Xunit;

namespace Hikae.Packages.Tests.Cockpit;

/// <summary>The page in a real Cockpit of two hosts, in a real browser, with a real guest.</summary>
[Collection<SharedPlayedHosts>]
public sealed class CockpitTests(PlayedHosts hosts)
{
    private const string Guest = PlayedHosts.GuestName;
    private const string Others = "tbody[@id='others']";

    [Fact]
    public async Task An_administrator_sees_a_guest_disables_enables_and_fails_it_over()
    {
        Requires.Command("chromium");
        Lab lab = hosts.Lab;
        (LabHost hostA, LabHost hostB) = (lab.HostA, lab.HostB);
        Assert.Same(hostA, hosts.WaitForProtected());
        LabGuest guest = hosts.Guest;
        string package = hosts.Package("cockpit-hikae_*.deb");
        CockpitConsole.SetUp(hostA, PackagesLab.Hand(hostA, package));
        CockpitConsole.SetUp(hostB, PackagesLab.Hand(hostB, package));
        await using IBrowser browser = await CockpitConsole.StartBrowserAsync();

        await using CockpitConsole consoleA = await CockpitConsole.OpenAsync(browser, lab, hostA);
        await SeesAndDisablesAsync(consoleA, guest, hostA);
        await EnablesAsync(consoleA, guest, hostA);

        await using CockpitConsole consoleB = await CockpitConsole.OpenAsync(browser, lab, hostB);
        await FailsOverAsync(consoleB, guest, hostA, hostB);
    }

    private static async Task SeesAndDisablesAsync(CockpitConsole console, LabGuest guest, LabHost host)
    {
        await console.SeesGuestAsync(Guest, "primary", "protected");
        await (await console.SeesAsync($"[aria-label='Details of {Guest}']")).ClickAsync();
        await console.SeesCurveAsync("Pause for a checkpoint", 2);
        await console.SeesCurveAsync("Memory on the backup", 2);
        Assert.Contains("hostB", await console.TextAsync(), StringComparison.Ordinal);
        await console.PhotographAsync("cockpit");

        // Nothing is done before it is confirmed.
        await console.PressAsync("table", "Disable…");
        await console.PressAsync("dialog", "Cancel");
        await console.SeesNoDialogAsync();
        Assert.Equal("protected", guest.ReportOn(host)?.State);

        await console.PressAsync("table", "Disable…");
        await console.PressAsync("dialog", "Disable");
        await console.SeesNoDialogAsync();
        await console.SeesAsync($"#others tr[data-guest='{Guest}']");
        guest.WaitForNoReport(host);
        Assert.Equal("running", guest.StateOn(host));
        guest.Lab.Until("its sidecar is gone", () => guest.SidecarOn(host) is null);
        Assert.Equal("", host.Virsh("desc", Guest, "--live", "--title"));
    }

    private static async Task EnablesAsync(CockpitConsole console, LabGuest guest, LabHost host)
    {
        // What hikae refuses is shown, and the dialogue stays.
        await console.PressAsync(Others, "Enable…");
        await console.TypeAsync("#backup", "localhost");
        await console.PressAsync("dialog", "Enable");
        await console.SeesAsync("xpath///dialog//*[contains(., 'localhost is this host')]");
        await console.PressAsync("dialog", "Cancel");
        await console.SeesNoDialogAsync();

        await console.PressAsync(Others, "Enable…");
        await console.TypeAsync("#backup", "hostB");
        await console.PressAsync("dialog", "Enable");
        await console.SeesNoDialogAsync();
        await console.SeesGuestAsync(Guest, "primary", "protected");
        guest.WaitForProtected(host);
    }

    private static async Task FailsOverAsync(CockpitConsole console, LabGuest guest, LabHost hostA, LabHost hostB)
    {
        await console.SeesGuestAsync(Guest, "backup", "ready");
        await console.PressAsync("table", "Fail over…");
        await console.PressAsync("dialog", "Cancel");
        await console.SeesNoDialogAsync();
        Assert.Equal("protected", guest.ReportOn(hostA)?.State);

        await console.PressAsync("table", "Fail over…");
        await console.PressAsync("dialog", "Fail over");
        await console.SeesNoDialogAsync();
        await console.SeesAsync($"tbody[data-guest='{Guest}'][data-role='primary']");
        guest.WaitForProgressOn(hostB);
        guest.WaitForDomainState(hostB, "running");
        Assert.NotEqual("running", guest.StateOn(hostA));
        // What the title said of the protection there did not come along.
        guest.Lab.Until("the title is of this host", () => hostB.Virsh("desc", Guest, "--live", "--title").StartsWith($"{Guest} [hikae: ", StringComparison.Ordinal));
        Assert.DoesNotContain("hikae", hostB.Virsh("desc", Guest, "--config", "--title"), StringComparison.Ordinal);
    }
}
