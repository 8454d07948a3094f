// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Native.Libvirt;

/// <summary>One event of QEMU's monitor.</summary>
/// <param name="Uuid">The domain.</param>
/// <param name="Event">QEMU's name, such as <c>STOP</c>; empty: see <see cref="IsMissed"/>.</param>
/// <param name="Seconds">QEMU's time stamp, seconds since 1970; -1 if it gave none.</param>
/// <param name="Micros">Microseconds within the second.</param>
/// <param name="DetailsJson">The event's data as JSON; null if it has none.</param>
public sealed record MonitorEvent(string Uuid, string Event, long Seconds, uint Micros, string? DetailsJson)
{
    internal static MonitorEvent Missed { get; } = new("", "", -1, 0, null);

    /// <summary>True: no event of QEMU's; the reader was too slow and some were dropped.</summary>
    public bool IsMissed => Event.Length == 0;
}
