// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.TwoHosts.Tests;

/// <summary>What must be so after every power cut.</summary>
public abstract class EveryPowerCutTests
{
    private protected EveryPowerCutTests(PowerCut cut)
    {
        Lab.RequireParts();
        Cut = cut;
        Cut.Happen();
    }

    private protected PowerCut Cut { get; }

    private protected LabHost Survivor => Cut.Lab.HostB;

    [Fact]
    public void The_guest_counts_on_and_forgets_nothing_that_was_committed()
    {
        int heard = Cut.TalkingLines.Lines.Count;

        GuestLine after = Cut.TalkingLines.WaitFor("a counter after the cut", line => line.Counter is not null, heard);

        Assert.True(after.Counter > Cut.CommittedCounter, $"committed was {Cut.CommittedCounter}, after the cut it says {after.Text}");
        Cut.TalkingLines.WaitForProgress();
    }

    [Fact]
    public void No_counter_heard_after_the_cut_is_one_of_before()
    {
        Cut.TalkingLines.WaitForProgress();

        IEnumerable<long> later = Cut.TalkingLines.Counters.SkipWhile(number => number != Cut.CommittedCounter).Skip(1);

        Assert.All(later, number => Assert.True(number > Cut.CommittedCounter));
    }

    [Fact]
    public void The_guests_memory_is_whole()
    {
        int heard = Cut.DirtyLines.Lines.Count;

        // The second round began after the cut for certain.
        GuestLine first = Cut.DirtyLines.WaitFor("a verdict", line => line.Text.StartsWith("memory", StringComparison.Ordinal), heard);
        Cut.DirtyLines.WaitFor("another verdict", line => line.Text.StartsWith("memory", StringComparison.Ordinal) && line.ArrivalMs > first.ArrivalMs, heard);

        Assert.DoesNotContain(Cut.DirtyLines.Lines, line => line.Text.StartsWith("memory BAD", StringComparison.Ordinal));
    }

    [Fact]
    public void When_the_dead_host_is_back_the_guest_is_protected_again()
    {
        Cut.PowerComesBack();

        Cut.Talking.WaitForDomainState(Survivor, "running");
        Assert.NotEqual("running", Cut.Talking.StateOn(Cut.Lab.HostA));
        Cut.TalkingLines.WaitForProgress();
    }
}
