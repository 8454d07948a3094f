// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;

namespace Hikae.Protocol.Configuration;

/// <summary>An amount of a host's memory: a size, or a share of all it has.</summary>
/// <param name="Number">Percent of the host's memory, or bytes.</param>
/// <param name="IsPercent">Which of them.</param>
public readonly record struct MemoryAmount(long Number, bool IsPercent)
{
    private const int MostPercent = 100;

    // More than any host has.
    private const long MostBytes = 1L << 50;

    private static readonly (string Unit, int Shift)[] Units = [("MiB", 20), ("GiB", 30), ("TiB", 40)];

    /// <summary>A share of the host's memory, 1 to 100.</summary>
    public static MemoryAmount Percent(int percent) => new(percent, true);

    /// <summary>A size.</summary>
    public static MemoryAmount Bytes(long bytes) => new(bytes, false);

    /// <summary>Reads "50%", "512 MiB", "8 GiB" or "1 TiB"; null when it is none of them.</summary>
    public static MemoryAmount? Parse(string text)
    {
        if (text.EndsWith('%'))
        {
            return Whole(text[..^1], 1, MostPercent) is long percent ? Percent((int)percent) : null;
        }

        foreach ((string unit, int shift) in Units)
        {
            if (text.EndsWith(unit, StringComparison.Ordinal) && Whole(text[..^unit.Length].TrimEnd(' '), 1, MostBytes >> shift) is long number)
            {
                return Bytes(number << shift);
            }
        }

        return null;
    }

    /// <summary>In bytes, on a host that has <paramref name="totalBytes"/>.</summary>
    public long Of(long totalBytes) => IsPercent ? totalBytes / MostPercent * Number : Number;

    private static long? Whole(string text, long least, long most) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number >= least && number <= most ? number : null;
}
