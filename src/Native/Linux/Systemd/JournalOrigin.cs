// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Native.Linux.Systemd;

/// <summary>Of which guest a line of the log is. What is not known is null, or 0.</summary>
/// <param name="Guest">libvirt's name.</param>
/// <param name="Uuid">libvirt's UUID.</param>
/// <param name="Role">What this host is to the guest.</param>
/// <param name="Epoch">The epoch it is in.</param>
public sealed record JournalOrigin(string? Guest, Guid? Uuid, string? Role, ulong Epoch)
{
    /// <summary>Of none.</summary>
    public static JournalOrigin None { get; } = new(null, null, null, 0);
}
