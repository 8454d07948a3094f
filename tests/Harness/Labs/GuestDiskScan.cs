// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Labs;

/// <summary>How much of a guest's disks was looked through, of all of it.</summary>
public sealed record GuestDiskScan(long DoneBytes, long TotalBytes);
