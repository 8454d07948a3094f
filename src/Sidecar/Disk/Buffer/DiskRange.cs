// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Buffer;

/// <summary>A stretch of a disk.</summary>
internal readonly record struct DiskRange(long Offset, long Length);
