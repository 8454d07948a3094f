// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.Text;

namespace Hikae.Host.Metrics;

/// <summary>Prometheus' text format 0.0.4: for each family its help, its type and one line a number.</summary>
internal static class MetricsText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    /// <summary>A family without a number is left out.</summary>
    public static string Write(IEnumerable<MetricFamily> families, HostFigures figures)
    {
        var text = new StringBuilder();
        foreach (MetricFamily family in families)
        {
            bool begun = false;
            foreach (MetricSample sample in family.Read(figures))
            {
                if (!begun)
                {
                    text.Append(CultureInfo.InvariantCulture, $"# HELP {family.Name} {family.Help}\n# TYPE {family.Name} {MetricFamily.Word(family.Type)}\n");
                    begun = true;
                }
                Line(text, family.Name, sample);
            }
        }
        return text.ToString();
    }

    private static void Line(StringBuilder text, string name, MetricSample sample)
    {
        text.Append(name);
        char before = '{';
        foreach ((string label, string value) in sample.Labels ?? [])
        {
            text.Append(before).Append(label).Append("=\"");
            Escape(text, value);
            text.Append('"');
            before = ',';
        }
        if (before == ',')
        {
            text.Append('}');
        }
        text.Append(' ').Append(sample.Value.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }

    private static void Escape(StringBuilder text, string value)
    {
        foreach (char c in value)
        {
            _ = c switch
            {
                '\\' => text.Append(@"\\"),
                '"' => text.Append("\\\""),
                '\n' => text.Append(@"\n"),
                _ => text.Append(c),
            };
        }
    }
}
