// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Bench.Figures;

/// <summary>One measured number, or the median of several with their minimum and maximum.</summary>
/// <param name="Name">As in the JSON; ends in its unit, or says what is counted.</param>
/// <param name="Value">The number, or the median.</param>
/// <param name="Spread">Minimum and maximum of the samples; null for a single number such as a percentile.</param>
internal sealed record Figure(string Name, double Value, (double Min, double Max)? Spread = null)
{
    /// <summary>What the project promises, for people; null when nothing is promised.</summary>
    public string? Target { get; init; }

    /// <summary>Instead of a number: what the row of a list is about; null = it is a number.</summary>
    public string? Text { get; init; }

    /// <summary>A text in a row of a list.</summary>
    public static Figure OfText(string name, string text) => new(name, double.NaN) { Text = text };

    /// <summary>The smallest sample that is not below a share of all of them. At least one.</summary>
    public static double Percentile(IReadOnlyCollection<double> samples, double share) =>
        samples.Order().ElementAt((int)Math.Ceiling(share * samples.Count) - 1);

    /// <summary>The median (of an even number the mean of the middle two) and the spread of samples. At least one.</summary>
    public static Figure Of(string name, IEnumerable<double> samples)
    {
        double[] sorted = [.. samples.Order()];
        return new Figure(name, (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2, (sorted[0], sorted[^1]));
    }
}
