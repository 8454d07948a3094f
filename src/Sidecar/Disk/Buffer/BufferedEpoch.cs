// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Buffer;

/// <summary>What the buffer knows of an epoch.</summary>
/// <param name="Number">0 while it is open.</param>
/// <param name="Start">Place in the log of its first entry.</param>
/// <param name="End">Place in the log after its last.</param>
/// <param name="Bytes">Its entries with their headers.</param>
/// <param name="HoldsWrites">Anything to write to the image.</param>
/// <param name="HoldsFlush">A FLUSH or FUA of the guest.</param>
internal readonly record struct BufferedEpoch(ulong Number, long Start, long End, long Bytes, bool HoldsWrites, bool HoldsFlush);
