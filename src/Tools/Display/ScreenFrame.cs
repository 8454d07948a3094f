// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.Text;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Hikae.Tools.Display;

/// <summary>A picture that is drawn over its predecessor at the top of the terminal.</summary>
/// <remarks>
/// Cursor home, each line with what stood behind it cleared, the rest cleared: in one write, so that nothing flickers. What was on the screen before the first
/// frame is scrolled away, not overwritten. A frame is never taller than the screen, or the next would not begin where it began.
/// </remarks>
/// <param name="output">A terminal that knows the control sequences of ECMA-48.</param>
/// <param name="size">Columns and rows now.</param>
internal sealed class ScreenFrame(TextWriter output, Func<(int Columns, int Rows)> size)
{
    private const string Home = "\e[H";
    private const string ClearLine = "\e[K";
    private const string ClearBelow = "\e[J";

    private const int LeastRows = 3;
    private const int LeastColumns = 20;

    private bool _drawn;

    internal void Draw(IRenderable content)
    {
        (int columns, int rows) = size();
        rows = Math.Max(rows, LeastRows);
        string[] lines = Lines(content, Math.Max(columns, LeastColumns));
        var frame = new StringBuilder();
        if (!_drawn)
        {
            frame.Append('\n', rows);
            _drawn = true;
        }

        // The cursor stays in a row of its own below the text.
        int shown = lines.Length < rows ? lines.Length : rows - 2;
        frame.Append(Home);
        foreach (string line in lines.AsSpan(0, shown))
        {
            frame.Append(line).Append(ClearLine).Append('\n');
        }

        if (shown < lines.Length)
        {
            frame.Append(CultureInfo.InvariantCulture, $"… and {lines.Length - shown} more lines{ClearLine}\n");
        }

        output.Write(frame.Append(ClearBelow));
        output.Flush();
    }

    /// <summary>Nothing more is drawn. The shell's prompt comes below the last frame, and not behind "^C".</summary>
    internal void End() => output.WriteLine();

    /// <summary>None wider than the screen, with colours as this process's terminal has them, whatever the output is.</summary>
    private static string[] Lines(IRenderable content, int columns)
    {
        var text = new StringWriter();
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(text),
            Ansi = AnsiSupport.Yes,
            ColorSystem = ColorSystemSupport.Detect,
            Interactive = InteractionSupport.No,
        });
        console.Profile.Width = columns;
        console.Write(content);
        return text.ToString().TrimEnd('\n').Split('\n');
    }
}
