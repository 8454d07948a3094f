// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.TwoHosts.Tests;

public class PowerCutTests : IClassFixture<PowerCut>
{
    private readonly PowerCut _cut;

    public PowerCutTests(PowerCut cut)
        : this((object)cut)
    {
    }

    private protected PowerCutTests(object cut)
    {
        Lab.RequireParts();
        _cut = (PowerCut)cut;
        _cut.Happen();
    }

    private LabHost Survivor => _cut.Lab.HostB;

    [Fact]
    public void The_guest_counts_on_and_forgets_nothing_that_was_committed()
    {
        int heard = _cut.TalkingLines.Lines.Count;

        GuestLine after = _cut.TalkingLines.WaitFor("a counter after the cut", line => line.Counter is not null, heard);

        Assert.True(after.Counter > _cut.CommittedCounter, $"committed was {_cut.CommittedCounter}, after the cut it says {after.Text}");
        _cut.TalkingLines.WaitForProgress();
    }

    [Fact]
    public void No_counter_heard_after_the_cut_is_one_of_before()
    {
        _cut.TalkingLines.WaitForProgress();

        IEnumerable<long> later = _cut.TalkingLines.Counters.SkipWhile(number => number != _cut.CommittedCounter).Skip(1);

        Assert.All(later, number => Assert.True(number > _cut.CommittedCounter));
    }

    [Fact]
    public void A_guest_without_network_counts_on_as_well()
    {
        _cut.Quiet.WaitForProgressOn(Survivor);

        Assert.True(_cut.Quiet.SerialCountersOn(Survivor)[0] > _cut.CommittedQuietCounter);
    }

    [Fact]
    public void Commands_in_the_guest_work() =>
        Assert.Equal("talking", _cut.Talking.Run("hostname"));

    [Fact]
    public void The_guests_memory_is_whole()
    {
        int heard = _cut.DirtyLines.Lines.Count;

        // The second round began after the cut for certain.
        GuestLine first = _cut.DirtyLines.WaitFor("a verdict", line => line.Text.StartsWith("memory", StringComparison.Ordinal), heard);
        _cut.DirtyLines.WaitFor("another verdict", line => line.Text.StartsWith("memory", StringComparison.Ordinal) && line.ArrivalMs > first.ArrivalMs, heard);

        Assert.DoesNotContain(_cut.DirtyLines.Lines, line => line.Text.StartsWith("memory BAD", StringComparison.Ordinal));
    }

    [Fact]
    public void Libvirt_shows_the_guests_running()
    {
        string[] running = Survivor.Virsh("list", "--name").Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal(["dirty", "quiet", "talking"], running.Order());
    }

    [Fact]
    public void A_guest_without_annotation_stays_where_it_was() =>
        Assert.Equal("absent", _cut.Unprotected.StateOn(Survivor));

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

    [Fact]
    public void When_the_dead_host_is_back_the_guest_is_protected_again()
    {
        _cut.PowerComesBack();

        _cut.Talking.WaitForDomainState(Survivor, "running");
        Assert.NotEqual("running", _cut.Talking.StateOn(_cut.Lab.HostA));
        _cut.TalkingLines.WaitForProgress();
    }
}
