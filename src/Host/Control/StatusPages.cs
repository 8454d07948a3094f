// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Control;

namespace Hikae.Host.Control;

/// <summary>All statuses as messages that fit a frame each.</summary>
internal static class StatusPages
{
    // A status is below 8 KiB whatever its sidecar wrote into it (JSON may take six bytes for a character), so a page is below half a frame.
    private const int PerPage = 64;

    public static IEnumerable<Statuses> Split(IReadOnlyList<GuestStatus> all)
    {
        if (all.Count == 0)
        {
            yield return new Statuses([]);
        }
        for (int first = 0; first < all.Count; first += PerPage)
        {
            yield return new Statuses([.. all.Skip(first).Take(PerPage)], More: first + PerPage < all.Count);
        }
    }
}
