// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Control;

namespace Hikae.Host.Control;

/// <summary>All statuses as messages that fit a frame each.</summary>
internal static class StatusPages
{
    // A status came in a frame of at most 64 KiB and is at most six times as long when written again (a character may become \u0000),
    // so one always fits beside a page that is not yet full.
    private const int FullBytes = ControlLimits.MaxFrameBytes / 2;

    public static IEnumerable<Statuses> Split(IReadOnlyList<GuestStatus> all)
    {
        var page = new List<GuestStatus>();
        int bytes = 0;
        foreach (GuestStatus status in all)
        {
            if (bytes >= FullBytes)
            {
                yield return new Statuses(page, More: true);
                (page, bytes) = ([], 0);
            }
            page.Add(status);
            bytes += ControlFrame.Write(new Status(status)).Length;
        }
        yield return new Statuses(page);
    }
}
