// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using Hikae.Protocol.Control;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Hikae.Tools.Display;

/// <summary>hikae status for people: one line a guest.</summary>
internal static class StatusTable
{
    private const string Nothing = "-";

    /// <summary>Wide enough that a line is never broken when it goes into a file or a pipe.</summary>
    private const int UnlimitedWidth = 4000;

    internal static void Write(IEnumerable<GuestStatus> guests, TextWriter output, bool isTerminal)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(output),
            Ansi = isTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = isTerminal ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
        });
        if (!isTerminal)
        {
            console.Profile.Width = UnlimitedWidth;
        }

        console.Write(Build(guests));
    }

    /// <summary>The table itself, for whoever knows where it goes.</summary>
    internal static Table Build(IEnumerable<GuestStatus> guests)
    {
        var table = new Table { Border = TableBorder.None };
        foreach (string heading in (string[])["GUEST", "ROLE", "STATE", "EPOCH", "AGE", "PAUSE", "MEMORY", "REASON"])
        {
            table.AddColumn(new TableColumn(new Text(heading)) { NoWrap = heading != "REASON", Padding = new Padding(0, 0, 2, 0) });
        }

        foreach (GuestStatus guest in guests)
        {
            table.AddRow(Row(guest));
        }

        return table;
    }

    private static IRenderable[] Row(GuestStatus guest) =>
    [
        new Text(Printable.Line(guest.Guest)),
        new Text(Word(guest.Role)),
        new Text(guest.Stale ? "unknown" : Word(guest.State), new Style(foreground: ColorOf(guest))),
        new Text(guest.Epoch == 0 ? Nothing : guest.Epoch.ToString(CultureInfo.InvariantCulture)),
        new Text(guest.CommittedAgeMs is double age ? Quantity.Milliseconds(age) : Nothing),
        new Text(guest.PauseMsMax > 0
            ? $"{Quantity.Milliseconds(guest.PauseMsP50)} (max {Quantity.Milliseconds(guest.PauseMsMax)})"
            : Nothing),
        new Text(guest.GuestBytes > 0 ? $"{Quantity.Bytes(guest.BackupBytes)} of {Quantity.Bytes(guest.GuestBytes)}" : Nothing),
        new Text(Reason(guest)),
    ];

    private static string Reason(GuestStatus guest) => guest.Stale
        ? $"its sidecar is silent; it was {Word(guest.State)} at {guest.UpdatedAt.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)} UTC"
        : Printable.Line($"{guest.Reason ?? Scan(guest.DiskScan)} {Fill(guest.MemoryFill)}").Trim();

    private static string Scan(DiskScanProgress? scan) =>
        Percent(scan?.DoneBytes, scan?.TotalBytes) is { } percent ? $"its disks are looked through, {percent}" : "";

    private static string Fill(MemoryFill? fill) => Percent(fill?.DoneBytes, fill?.TotalBytes) is { } percent ? $"({percent})" : "";

    // Null: nothing is under way.
    private static string? Percent(long? doneBytes, long? totalBytes) =>
        doneBytes < totalBytes ? string.Create(CultureInfo.InvariantCulture, $"{100 * (double)doneBytes / totalBytes:0} %") : null;

    private static Color ColorOf(GuestStatus guest) => guest.State switch
    {
        _ when guest.Stale => Color.Red,
        GuestState.Protected or GuestState.Ready => Color.Green,
        GuestState.Unprotected or GuestState.Fenced or GuestState.Failed or GuestState.Waiting => Color.Red,
        _ => Color.Yellow,
    };

    private static string Word<TEnum>(TEnum value)
        where TEnum : struct, Enum => value.ToString().ToLowerInvariant();
}
