// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Replication;

/// <summary>Whether the backup could run the guest, tried by starting it paused and destroying it.</summary>
/// <param name="Ok">True when everything the guest needs is there.</param>
/// <param name="Reason">What is missing, in a sentence, when not.</param>
/// <param name="LazyMemory">True when memory can be supplied on demand (QEMU may open userfaultfd).</param>
public sealed record DryStartResult(bool Ok, string? Reason, bool LazyMemory);
