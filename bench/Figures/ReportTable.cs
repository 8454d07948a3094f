// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using Spectre.Console;

namespace Hikae.Bench.Figures;

/// <summary>A report for people.</summary>
internal static class ReportTable
{
    public static void Write(Report report, TextWriter output)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) });
        var table = new Table { Border = TableBorder.Rounded, Title = new TableTitle(Markup.Escape(report.Benchmark)) };
        table.AddColumn("figure");
        foreach (string heading in (string[])["median or value", "min", "max", "target"])
        {
            table.AddColumn(new TableColumn(heading).RightAligned());
        }
        foreach (Figure figure in report.Figures)
        {
            table.AddRow(
                new Text(figure.Name),
                new Text(Show(figure.Value)),
                new Text(figure.Spread is { } low ? Show(low.Min) : ""),
                new Text(figure.Spread is { } high ? Show(high.Max) : ""),
                new Text(figure.Target ?? ""));
        }
        if (report.Figures.Count > 0)
        {
            console.Write(table);
        }
        foreach (IGrouping<string, IReadOnlyList<Figure>> list in report.Lists)
        {
            WriteList(list.Key, [.. list], console);
        }
        foreach ((string name, string text) in report.Notes)
        {
            console.MarkupLineInterpolated($"[grey]{name}:[/] {text}");
        }
    }

    private static void WriteList(string name, IReadOnlyList<IReadOnlyList<Figure>> rows, IAnsiConsole console)
    {
        var table = new Table { Border = TableBorder.Rounded, Title = new TableTitle(Markup.Escape(name)) };
        foreach (Figure column in rows[0])
        {
            table.AddColumn(new TableColumn(Markup.Escape(column.Name)).RightAligned());
        }
        foreach (IReadOnlyList<Figure> row in rows)
        {
            table.AddRow(row.Select(figure => new Text(Show(figure))));
        }
        console.Write(table);
    }

    private static string Show(Figure figure) =>
        figure.Text ?? (figure.Spread is { } spread ? $"{Show(figure.Value)} ({Show(spread.Min)} – {Show(spread.Max)})" : Show(figure.Value));

    private static string Show(double value) => value.ToString(Math.Abs(value) >= 1000 ? "N0" : "0.###", CultureInfo.InvariantCulture);
}
