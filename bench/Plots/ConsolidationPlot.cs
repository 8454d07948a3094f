// SPDX-License-Identifier: LGPL-2.1-or-later
using ScottPlot;

namespace Hikae.Bench.Plots;

/// <summary>What all backup sidecars take together beside the memory of the guests they stand for.</summary>
internal sealed class ConsolidationPlot : FigurePlot
{
    protected override Plot[] Draw(SavedFigures figures) =>
    [
        Bars(
            $"{figures.Number("guests"):0} guests on one backup",
            "GB",
            ["guests' memory", "backup sidecars", "of it replicas"],
            ("", [.. ((string[])["guest_bytes_total", "backup_bytes_total", "replica_bytes_total"]).Select(name => Gigabytes(figures.Number(name)))])),
    ];
}
