// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.Text.RegularExpressions;
using Xunit;

namespace Hikae.Host.Tests.Metrics;

/// <summary>A page of metrics, read as strictly as Prometheus' text format 0.0.4 and promtool's rules for names want it.</summary>
internal sealed partial class Exposition
{
    private readonly Dictionary<string, string> _types = [];
    private readonly Dictionary<string, double> _samples = [];

    private Exposition(string text)
    {
        Assert.EndsWith("\n", text, StringComparison.Ordinal);
        string family = "";
        foreach (string line in text[..^1].Split('\n'))
        {
            if (Help().Match(line) is { Success: true } help)
            {
                family = help.Groups["name"].Value;
                Assert.False(_types.ContainsKey(family), $"{family} begins a second time");
                _types.Add(family, "");
            }
            else if (Type().Match(line) is { Success: true } type)
            {
                Assert.Equal(family, type.Groups["name"].Value);
                Assert.Empty(_types[family]);
                CheckName(family, type.Groups["type"].Value);
                _types[family] = type.Groups["type"].Value;
            }
            else
            {
                Match sample = Sample().Match(line);
                Assert.True(sample.Success, $"not a line of the format: {line}");
                Assert.Equal(family, sample.Groups["name"].Value);
                Assert.NotEmpty(_types[family]);
                string[] labels = [.. sample.Groups["label"].Captures.Select(label => label.Value)];
                Assert.Equal(labels.Distinct(), labels);
                Assert.True(_types[family] == "summary" || !labels.Contains("quantile"), $"only a summary has quantiles: {line}");
                Assert.True(
                    _samples.TryAdd(sample.Groups["series"].Value, double.Parse(sample.Groups["value"].Value, NumberStyles.Float, CultureInfo.InvariantCulture)),
                    $"a second number for {line}");
            }
        }
    }

    /// <summary>Type by family.</summary>
    internal IReadOnlyDictionary<string, string> Types => _types;

    /// <summary>Number by series, as it is written.</summary>
    internal IReadOnlyDictionary<string, double> Samples => _samples;

    internal static Exposition Parse(string text) => new(text);

    private static void CheckName(string name, string type)
    {
        Assert.StartsWith("hikae_", name, StringComparison.Ordinal);
        Assert.Equal(type == "counter", name.EndsWith("_total", StringComparison.Ordinal));
        Assert.DoesNotMatch("_(ms|milliseconds|kib|mib|pages|count|sum|bucket|gauge|counter|summary)(_|$)", name);
    }

    [GeneratedRegex(@"^# HELP (?<name>[a-z_]+) [A-Z0-9][^\\]*\.$")]
    private static partial Regex Help();

    [GeneratedRegex("^# TYPE (?<name>[a-z_]+) (?<type>gauge|counter|summary)$")]
    private static partial Regex Type();

    [GeneratedRegex("""^(?<series>(?<name>[a-z_]+)(\{(?<label>[a-z_]+)="(?:[^"\\]|\\[\\"n])*"(?:,(?<label>[a-z_]+)="(?:[^"\\]|\\[\\"n])*")*\})?) (?<value>[-+0-9.E]+)$""")]
    private static partial Regex Sample();
}
