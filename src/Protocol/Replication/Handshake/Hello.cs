// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Replication;

/// <summary>Who asks for protection, and of what.</summary>
/// <param name="Version">The newest protocol version the primary speaks, at least 1.</param>
/// <param name="OldestVersion">The oldest one it speaks, 1 to <paramref name="Version"/>.</param>
/// <param name="Guest">The guest's UUID; must be the preamble's.</param>
/// <param name="GuestName">The guest's libvirt name, for people: 1 to 255 characters.</param>
/// <param name="Host">The primary's host name, 1 to 255 characters.</param>
/// <param name="Generation">The generation of the ownership record under which the primary runs the guest; 0 when there is none yet.</param>
/// <param name="DetectMs">Milliseconds of silence after which the primary calls the link lost, 1 to 600 000; the backup speaks several times within it.</param>
public sealed record Hello(int Version, int OldestVersion, Guid Guest, string GuestName, string Host, long Generation, int DetectMs)
    : IJsonRecord
{
    string? IJsonRecord.FindFault() =>
        OldestVersion < 1 || Version < OldestVersion ? $"versions {OldestVersion} to {Version}"
        : GuestName.Length is 0 or > ReplicationLimits.MaxNameLength ? $"guest name of {GuestName.Length} characters"
        : Host.Length is 0 or > ReplicationLimits.MaxNameLength ? $"host name of {Host.Length} characters"
        : Generation < 0 ? $"generation {Generation}"
        : DetectMs is < 1 or > ReplicationLimits.MaxDetectMs ? $"detectMs {DetectMs}"
        : null;
}
