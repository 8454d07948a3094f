// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Content;

/// <summary>A change of a disk that has begun: whoever began it ends it, once.</summary>
/// <param name="First">The first block that it touches, whole or in part.</param>
/// <param name="Count">How many it touches.</param>
/// <param name="Tick">When it began; 0 when it is so long that nothing is learned of it.</param>
internal readonly record struct PendingChange(BlockKey First, long Count, ulong Tick);
