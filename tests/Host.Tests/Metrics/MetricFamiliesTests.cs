// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;
using Hikae.Harness;
using Hikae.Host.Metrics;
using Hikae.Protocol.Control;
using Xunit;

namespace Hikae.Host.Tests.Metrics;

public sealed class MetricFamiliesTests
{
    [Fact]
    public void A_host_with_a_guest_in_each_role_publishes_every_family_in_a_page_that_Prometheus_takes()
    {
        Exposition page = Exposition.Parse(MetricsText.Write(MetricFamilies.All, SampleFigures.Everything));

        Assert.Equal(MetricFamilies.All.Select(family => family.Name), page.Types.Keys);
    }

    [Fact]
    public void Every_state_is_said_as_hikae_status_says_it() => Assert.All(Enum.GetValues<GuestState>(), state =>
    {
        Exposition page = Page(FakeSidecar.StatusOf(SampleFigures.Mail, GuestRole.Primary, state));

        Assert.Contains(page.Samples.Keys, series => series.EndsWith($",state=\"{JsonNamingPolicy.CamelCase.ConvertName(state.ToString())}\"}}", StringComparison.Ordinal));
        Assert.Equal(
            state is GuestState.Protected or GuestState.Ready ? 1 : 0,
            page.Samples.Single(sample => sample.Key.StartsWith("hikae_guest_protected{", StringComparison.Ordinal)).Value);
    });

    [Fact]
    public void A_guest_may_have_any_name()
    {
        Exposition page = Page(FakeSidecar.StatusOf(SampleFigures.Mail, GuestRole.Primary, GuestState.Starting, "a\"b\\c\nd}\r ü\ud800"));

        Assert.Contains(page.Samples.Keys, series => series.StartsWith("hikae_guest_state{guest=\"a\\\"b\\\\c\\nd}", StringComparison.Ordinal));
    }

    [Fact]
    public void Memory_is_read_as_the_kernel_writes_it()
    {
        Assert.Equal(new HostMemory(4_111_073_280, 1024), HostMemory.Parse(["MemTotal:        4014720 kB", "MemFree:          123 kB", "MemAvailable:          1 kB"]));
        Assert.Null(HostMemory.Parse(["MemTotal:        4014720 kB"]));
        Assert.NotNull(HostMemory.Read());
    }

    [Fact]
    public void Every_metric_is_in_the_man_page()
    {
        string page = Repository.Read("docs", "man", "hikaed.8");

        Assert.All(MetricFamilies.All, family => Assert.Matches($@"\n\.TP\n\.BR? (.* )?{family.Name}\b", page));
    }

    private static Exposition Page(params GuestStatus[] guests) => Exposition.Parse(MetricsText.Write(MetricFamilies.All, SampleFigures.Of(guests)));
}
