// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;

namespace Hikae.Harness.Labs;

/// <summary>One datagram a guest sent to the test client.</summary>
/// <param name="ArrivalMs">When it came, by the machine's monotonic clock, in ms.</param>
/// <param name="Text">What the guest said, for instance <c>counter N GUEST-MS</c> or <c>memory ok …</c>.</param>
public sealed record GuestLine(long ArrivalMs, string Text)
{
    /// <summary>N of <c>counter N GUEST-MS</c>; null when the line says something else.</summary>
    public long? Counter => Text.StartsWith("counter ", StringComparison.Ordinal)
        ? long.Parse(Text.Split(' ')[1], CultureInfo.InvariantCulture)
        : null;

    /// <summary>Reads "ARRIVAL-MS TEXT".</summary>
    public static GuestLine Parse(string line)
    {
        int space = line.IndexOf(' ', StringComparison.Ordinal);
        return new GuestLine(long.Parse(line[..space], CultureInfo.InvariantCulture), line[(space + 1)..]);
    }
}
