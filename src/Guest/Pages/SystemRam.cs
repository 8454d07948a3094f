// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using Hikae.Protocol.Guest;

namespace Hikae.Guest.Pages;

/// <summary>Reads from /proc/iomem which page frames are memory.</summary>
internal static class SystemRam
{
    /// <summary>All there could be: the flags' end and NOPAGE then say what is memory.</summary>
    internal static readonly PfnRange[] Unknown = [new(0, GuestProtocol.MaxPfn)];

    private const int PageShift = 12;

    /// <summary>
    /// The "System RAM" ranges, whole pages only, rising and apart. <see cref="Unknown"/> if there is none that makes
    /// sense: without CAP_SYS_ADMIN the kernel shows all addresses as zero.
    /// </summary>
    internal static PfnRange[] Parse(IEnumerable<string> iomem)
    {
        var ranges = new List<PfnRange>();
        foreach (string line in iomem)
        {
            // Only the outermost level: "Kernel code" and the like are indented below it.
            if (line.StartsWith(' ') || !line.EndsWith(" : System RAM", StringComparison.Ordinal))
            {
                continue;
            }

            ReadOnlySpan<char> text = line.AsSpan(0, line.IndexOf(' ', StringComparison.Ordinal));
            int dash = text.IndexOf('-');
            if (dash < 0
                || !ulong.TryParse(text[..dash], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong start)
                || !ulong.TryParse(text[(dash + 1)..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong last)
                || last <= start || last == ulong.MaxValue)
            {
                continue;
            }

            ulong first = (start + (1UL << PageShift) - 1) >> PageShift;
            ulong end = Math.Min((last + 1) >> PageShift, GuestProtocol.MaxPfn);
            if (first < end && (ranges.Count == 0 || first >= ranges[^1].End))
            {
                ranges.Add(new PfnRange(first, end));
            }
        }

        return ranges.Count == 0 ? Unknown : [.. ranges];
    }
}
