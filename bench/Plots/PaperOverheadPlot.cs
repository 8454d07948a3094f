// SPDX-License-Identifier: LGPL-2.1-or-later
using ScottPlot;

namespace Hikae.Bench.Plots;

/// <summary>How long each load takes bare and protected, and what the backup saves meanwhile, beside the paper's.</summary>
internal sealed class PaperOverheadPlot : FigurePlot
{
    protected override Plot[] Draw(SavedFigures figures)
    {
        SavedFigures[] rows = figures.Rows("loads");
        string[] loads = [.. rows.Select(row => row.Text("load"))];
        double[] Column(string name) => [.. rows.Select(row => row.Number(name))];
        return
        [
            Bars("How long a load takes", "seconds", loads, ("unprotected", Column("bare_seconds")), ("protected", Column("protected_seconds"))),
            Bars("Slow-down", "%", loads, ("Hikae, against unprotected", Column("slowdown_percent")), ("the paper, against its Kemari", Column("paper_slowdown_percent"))),
            Bars("Memory the backup saves", "GB", loads, ("Hikae", [.. Column("saved_bytes").Select(Gigabytes)]), ("of it found on disk", [.. Column("saved_on_disk_bytes").Select(Gigabytes)]), ("the paper", [.. Column("paper_saved_bytes").Select(Gigabytes)])),
        ];
    }
}
