// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;
using System.Text.RegularExpressions;
using Hikae.Harness;
using Hikae.Host.Metrics;
using Hikae.Protocol.Control;
using Xunit;

namespace Hikae.Host.Tests.Metrics;

/// <summary>Alert rules and dashboard ask only for what hikaed publishes.</summary>
public sealed partial class DashboardTests
{
    private static string Rules => Repository.Read("packaging", "prometheus", "hikae.rules.yml");

    private static string RuleTests => Repository.Read("packaging", "prometheus", "hikae.rules.test.yml");

    private static string Dashboard => Repository.Read("packaging", "grafana", "hikae.json");

    [Fact]
    public void Every_metric_that_is_asked_for_exists() => Assert.All([Rules, RuleTests, Dashboard], text =>
    {
        IEnumerable<string> names = MetricName().Matches(text).Select(match => match.Value).Distinct();

        Assert.NotEmpty(names);
        Assert.Empty(names.Except(MetricFamilies.All.Select(family => family.Name)));
    });

    [Fact]
    public void Every_value_of_a_label_that_is_asked_for_exists()
    {
        Exposition page = Exposition.Parse(MetricsText.Write(MetricFamilies.All, SampleFigures.Everything));

        foreach (Match match in LabelValue().Matches(Rules + Dashboard.Replace("\\\"", "\"", StringComparison.Ordinal)))
        {
            string label = match.Value;
            Assert.Contains(page.Samples.Keys, series => series.Contains(label, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Every_alert_has_a_rule_test_and_says_what_it_is_about() => Assert.All(Alert().Matches(Rules), alert =>
    {
        string rule = Rules[alert.Index..];
        int next = rule.IndexOf("- alert:", 10, StringComparison.Ordinal);
        rule = next < 0 ? rule : rule[..next];

        Assert.Matches(@"\n +expr: ", rule);
        Assert.Matches(@"\n +labels: \{severity: (critical|warning|info)\}\n", rule);
        Assert.Matches(@"\n +summary: ", rule);
        Assert.Matches(@"\n +description: ", rule);
        Assert.Contains($"alertname: {alert.Groups["name"].Value}\n        eval_time", RuleTests, StringComparison.Ordinal);
    });

    [Fact]
    public void The_dashboard_is_JSON_whose_panels_have_places_and_queries_of_their_own()
    {
        using JsonDocument json = JsonDocument.Parse(Dashboard);
        JsonElement[] panels = [.. json.RootElement.GetProperty("panels").EnumerateArray()];

        Assert.Equal(panels.Length, panels.Select(panel => panel.GetProperty("id").GetInt32()).Distinct().Count());
        Assert.Equal(panels.Length, panels.Select(panel => (panel.GetProperty("gridPos").GetProperty("x").GetInt32(), panel.GetProperty("gridPos").GetProperty("y").GetInt32())).Distinct().Count());
        Assert.All(panels, panel => Assert.All(panel.GetProperty("targets").EnumerateArray(), target =>
        {
            Assert.Equal("${datasource}", target.GetProperty("datasource").GetProperty("uid").GetString());
            Assert.Contains("hikae_", target.GetProperty("expr").GetString(), StringComparison.Ordinal);
        }));
    }

    /// <summary>Members that Grafana's types want there, and whose absence older ones take for "no".</summary>
    [Fact]
    public void Every_legend_is_to_be_shown_and_every_variable_has_a_value_or_none_at_all()
    {
        using JsonDocument json = JsonDocument.Parse(Dashboard);
        JsonElement[] legends = [.. json.RootElement.GetProperty("panels").EnumerateArray()
            .Select(panel => panel.GetProperty("options"))
            .Where(options => options.TryGetProperty("legend", out _))
            .Select(options => options.GetProperty("legend"))];

        Assert.NotEmpty(legends);
        Assert.All(legends, legend => Assert.True(legend.GetProperty("showLegend").GetBoolean() && legend.GetProperty("calcs").GetArrayLength() >= 0));
        Assert.All(json.RootElement.GetProperty("templating").GetProperty("list").EnumerateArray(), variable =>
            Assert.True(!variable.TryGetProperty("current", out JsonElement current) || current.TryGetProperty("value", out _)));
    }

    [Fact]
    public void The_dashboard_has_a_colour_for_every_state() => Assert.All(
        Enum.GetValues<GuestState>().Select(MetricFamily.Word).Append("unknown"), state => Assert.Contains($"\"{state}\": {{", Dashboard, StringComparison.Ordinal));

    [GeneratedRegex("hikae_[a-z_]+")]
    private static partial Regex MetricName();

    [GeneratedRegex("(role|quantile|part|kind|step|state)=\"[^\"$]+\"")]
    private static partial Regex LabelValue();

    [GeneratedRegex("- alert: (?<name>[A-Za-z]+)\n")]
    private static partial Regex Alert();
}
