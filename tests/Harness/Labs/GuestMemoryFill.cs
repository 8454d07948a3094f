// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Labs;

/// <summary>How much of a recovered guest's memory is there, of all of it, and for how many pages of 4 KiB the guest had to wait.</summary>
public sealed record GuestMemoryFill(long DoneBytes, long TotalBytes, long WaitedPages);
