// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Replication;

/// <summary>Who asks for protection, and of what.</summary>
/// <param name="Version">The newest protocol version the primary speaks.</param>
/// <param name="OldestVersion">The oldest one it speaks.</param>
/// <param name="Guest">The guest's UUID; must be the preamble's.</param>
/// <param name="GuestName">The guest's libvirt name, for people.</param>
/// <param name="Host">The primary's host name.</param>
/// <param name="Generation">The generation of the ownership record under which the primary runs the guest; 0 when there is none yet.</param>
/// <param name="DetectMs">Milliseconds of silence after which the primary calls the link lost.</param>
public sealed record Hello(int Version, int OldestVersion, Guid Guest, string GuestName, string Host, long Generation, int DetectMs);

/// <summary>The backup's acceptance.</summary>
/// <param name="Version">The version both speak from here on.</param>
/// <param name="Host">The backup's host name.</param>
/// <param name="DetectMs">Milliseconds of silence after which the backup calls the link lost.</param>
public sealed record Welcome(int Version, string Host, int DetectMs);

/// <summary>Why a link is refused.</summary>
/// <param name="Code">A stable word for programs: version, guest, busy, config.</param>
/// <param name="Reason">A sentence for people.</param>
public sealed record Refuse(string Code, string Reason);

/// <summary>Protection ends by intent.</summary>
/// <param name="Reason">ended, crashed, disabled, migrated or shutdown: why, for the backup's log.</param>
public sealed record Bye(string Reason);

/// <summary>Whether the backup could run the guest, tried by starting it paused and destroying it.</summary>
/// <param name="Ok">True when everything the guest needs is there.</param>
/// <param name="Reason">What is missing, in a sentence, when not.</param>
/// <param name="LazyMemory">True when memory can be supplied on demand (QEMU may open userfaultfd).</param>
public sealed record DryStartResult(bool Ok, string? Reason, bool LazyMemory);
