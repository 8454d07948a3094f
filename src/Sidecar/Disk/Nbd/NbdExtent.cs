// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Nbd;

/// <summary>A descriptor of base:allocation.</summary>
/// <param name="Length">Number of bytes.</param>
/// <param name="State">NBD_STATE_ flags.</param>
internal readonly record struct NbdExtent(uint Length, uint State);
