// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Graph;

/// <summary>A guest's disks are not as we left them.</summary>
/// <param name="Kind">What to do about it.</param>
/// <param name="Alias">The device, as libvirt names it.</param>
/// <param name="Reason">The sentence for the administrator.</param>
internal sealed record GraphChange(GraphChangeKind Kind, string Alias, string Reason);
