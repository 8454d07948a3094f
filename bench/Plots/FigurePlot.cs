// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using ScottPlot;
using ScottPlot.Plottables;
using SkiaSharp;

namespace Hikae.Bench.Plots;

/// <summary>One benchmark's figures as a picture: one panel or more, side by side.</summary>
internal abstract class FigurePlot
{
    public const int PanelWidth = 700;
    public const int Height = 520;

    private const double Gigabyte = 1e9;
    private const string Font = "DejaVu Sans";

    /// <summary>How a benchmark's figures are drawn, by its name on the command line; the others' are not.</summary>
    public static IReadOnlyDictionary<string, FigurePlot> Of { get; } = new Dictionary<string, FigurePlot>
    {
        ["paper-memory"] = new PaperMemoryPlot(), ["paper-overhead"] = new PaperOverheadPlot(), ["consolidation"] = new ConsolidationPlot(), ["warm"] = new WarmPlot(),
    };

    // Without any font the picture is drawn, but nothing is written on it.
    public static bool HasFonts => SKFontManager.Default.FontFamilyCount > 0;

    /// <summary>Draws them into a PNG file.</summary>
    /// <exception cref="InvalidDataException">A figure is missing or is not what it should be; nothing is written.</exception>
    public void Save(SavedFigures figures, string file)
    {
        if (SKFontManager.Default.MatchFamily(Font) is not null)
        {
            Fonts.Default = Font;
        }
        Plot[] panels = Draw(figures);
        var picture = new Multiplot(panels[0]) { Layout = new ScottPlot.MultiplotLayouts.Columns() };
        foreach (Plot panel in panels[1..])
        {
            picture.AddPlot(panel);
        }
        picture.SavePng(file, panels.Length * PanelWidth, Height);
    }

    /// <summary>The panels, from left to right.</summary>
    protected abstract Plot[] Draw(SavedFigures figures);

    protected static double Gigabytes(double bytes) => bytes / Gigabyte;

    /// <summary>One group of bars for each category, one bar in it for each series; with a single series no legend.</summary>
    protected static Plot Bars(string title, string unit, string[] categories, params (string Name, double[] Values)[] series)
    {
        var plot = new Plot();
        double width = 0.8 / series.Length;
        for (int number = 0; number < series.Length; number++)
        {
            (string name, double[] values) = series[number];
            double offset = (number - ((series.Length - 1) / 2.0)) * width;
            Bar[] shapes = [.. values.Select((value, category) => new Bar
            {
                Position = category + offset, Value = value, Size = 0.9 * width, FillColor = plot.Add.Palette.GetColor(number), Label = value.ToString("0.##", CultureInfo.InvariantCulture),
            })];
            BarPlot bars = plot.Add.Bars(shapes);
            bars.LegendText = series.Length > 1 ? name : "";
        }
        plot.Axes.Bottom.SetTicks([.. categories.Select((_, category) => (double)category)], categories);
        plot.Axes.Margins(bottom: 0, top: 0.4);
        return Finish(plot, title, "", unit);
    }

    protected static Plot Finish(Plot plot, string title, string horizontal, string vertical)
    {
        plot.Title(title, size: 16);
        plot.XLabel(horizontal);
        plot.YLabel(vertical);
        plot.ShowLegend(Alignment.UpperLeft);
        plot.Axes.AutoScale();
        plot.Axes.SetLimitsY(0, plot.Axes.GetLimits().Top);
        return plot;
    }
}
