// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>How much of a recovered guest's memory is in its QEMU already; the rest follows while it runs, or before it does where QEMU cannot wait for memory.</summary>
/// <param name="DoneBytes">Bytes of pages that are there.</param>
/// <param name="TotalBytes">Bytes of all pages that are neither zero nor free.</param>
/// <param name="WaitedPages">Pages of 4 KiB that the guest touched before they were there.</param>
public sealed record MemoryFill(long DoneBytes, long TotalBytes, long WaitedPages);
