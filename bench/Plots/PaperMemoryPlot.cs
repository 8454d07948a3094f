// SPDX-License-Identifier: LGPL-2.1-or-later
using ScottPlot;

namespace Hikae.Bench.Plots;

/// <summary>What the backup keeps over the guest's page cache, and how much less that is than without soft pages, beside the paper's two points.</summary>
internal sealed class PaperMemoryPlot : FigurePlot
{
    // Of the paper: kept at 10 % page cache, and how much less than its Kemari keeps. It gives no other numbers.
    private const double PaperKeptBytes = 2909e6;
    private static readonly double[] PaperCachePercents = [10, 90];
    private static readonly double[] PaperLessPercents = [14.95, 76.64];

    protected override Plot[] Draw(SavedFigures figures)
    {
        SavedFigures[] rows = figures.Rows("fill_levels");
        double[] Column(string name) => [.. rows.Select(row => row.Number(name))];
        double[] cache = Column("cache_percent");
        double[] hikae = Column("hikae_bytes");
        double[] softOff = Column("soft_off_bytes");

        var kept = new Plot();
        foreach ((string name, double[] bytes) in ((string, double[])[])[("Hikae", hikae), ("Hikae, soft pages off", softOff), ("COLO (QEMU 10.0)", Column("colo_bytes"))])
        {
            kept.Add.Scatter(cache, bytes.Select(Gigabytes).ToArray()).LegendText = name;
        }
        var point = kept.Add.Marker(PaperCachePercents[0], Gigabytes(PaperKeptBytes), MarkerShape.FilledDiamond, 12);
        point.LegendText = "the paper";

        var less = new Plot();
        less.Add.Scatter(cache, hikae.Zip(softOff, (soft, off) => 100 * (1 - (soft / off))).ToArray()).LegendText = "Hikae: than with soft pages off";
        var paper = less.Add.ScatterPoints(PaperCachePercents, PaperLessPercents);
        paper.LegendText = "the paper: than its Kemari";
        paper.MarkerShape = MarkerShape.FilledDiamond;
        paper.MarkerSize = 12;
        const string Horizontal = "page cache, % of the guest's memory";
        return [Finish(kept, "Memory kept on the backup", Horizontal, "GB"), Finish(less, "Kept less than without soft pages", Horizontal, "%")];
    }
}
