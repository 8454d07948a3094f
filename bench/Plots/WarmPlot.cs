// SPDX-License-Identifier: LGPL-2.1-or-later
using ScottPlot;

namespace Hikae.Bench.Plots;

/// <summary>After a failover: when the guest runs, answers, and is as fast as before.</summary>
internal sealed class WarmPlot : FigurePlot
{
    private const double MsPerSecond = 1000;

    protected override Plot[] Draw(SavedFigures figures) =>
    [
        Bars(
            "After a power cut",
            "seconds",
            ["runs", "first answer", "warm, prefetch", "warm, no prefetch"],
            ("", [.. ((string[])["running_ms", "first_answer_ms", "warm_ms_prefetch", "warm_ms_no_prefetch"]).Select(name => figures.Number(name) / MsPerSecond)])),
    ];
}
