// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.TwoHosts.Tests;

public sealed class PowerCutTests(PowerCut cut) : EveryPowerCutTests(cut), IClassFixture<PowerCut>
{
    [Fact]
    public void A_guest_without_network_counts_on_as_well()
    {
        Cut.Quiet.WaitForProgressOn(Survivor);

        Assert.True(Cut.Quiet.SerialCountersOn(Survivor)[0] > Cut.CommittedQuietCounter);
    }

    [Fact]
    public void Commands_in_the_guest_work() =>
        Assert.Equal("talking", Cut.Talking.Run("hostname"));

    [Fact]
    public void Libvirt_shows_the_guests_running()
    {
        string[] running = Survivor.Virsh("list", "--name").Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal(["dirty", "quiet", "talking"], running.Order());
    }

    [Fact]
    public void A_guest_without_annotation_stays_where_it_was() =>
        Assert.Equal("absent", Cut.Unprotected.StateOn(Survivor));

    [Fact]
    public void The_domain_is_persistent_and_its_definition_is_clean()
    {
        string definition = Survivor.Virsh("dumpxml", "--inactive", "talking");

        Assert.Matches(@"Persistent:\s+yes", Survivor.Virsh("dominfo", "talking"));
        Assert.DoesNotContain("incoming", definition, StringComparison.Ordinal);
        Assert.DoesNotContain("qemu:commandline", definition, StringComparison.Ordinal);
        Assert.DoesNotContain("urn:hikae:status:1", definition, StringComparison.Ordinal);
    }

    [Fact]
    public void The_dead_host_is_the_next_backup()
    {
        string definition = Survivor.Virsh("dumpxml", "--inactive", "talking");

        Assert.Contains("backup=\"hostA\"", definition.Replace('\'', '"'), StringComparison.Ordinal);
    }
}
