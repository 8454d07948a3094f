// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>How much of a guest's disks was looked through in this session, for pages that need not be kept because they are there.</summary>
/// <param name="DoneBytes">Bytes of the disks, holes included.</param>
/// <param name="TotalBytes">All of them.</param>
public sealed record DiskScanProgress(long DoneBytes, long TotalBytes);
