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
