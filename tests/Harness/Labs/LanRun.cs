// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;

namespace Hikae.Harness.Labs;

/// <summary>Frames of one guest that came out of one host's plug in the LAN's switch, with none from another host between them.</summary>
/// <param name="FirstMs">When the first came, by the machine's monotonic clock.</param>
/// <param name="LastMs">When the last so far came.</param>
/// <param name="Mac">The guest.</param>
/// <param name="Host">The host.</param>
/// <param name="Frames">How many so far.</param>
public sealed record LanRun(long FirstMs, long LastMs, string Mac, string Host, long Frames)
{
    /// <summary>Reads "FIRST-MS LAST-MS MAC HOST FRAMES".</summary>
    public static LanRun Parse(string line)
    {
        string[] words = line.Split(' ');
        return new LanRun(Number(words[0]), Number(words[1]), words[2], words[3], Number(words[4]));
    }

    private static long Number(string word) => long.Parse(word, CultureInfo.InvariantCulture);
}
