// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Replication;

/// <summary>The backup's acceptance.</summary>
/// <param name="Version">The version both speak from here on, one of those that Hello offered.</param>
/// <param name="Host">The backup's host name, 1 to 255 characters.</param>
/// <param name="DetectMs">Milliseconds of silence after which the backup calls the link lost, 1 to 600 000; the primary speaks several times within it.</param>
public sealed record Welcome(int Version, string Host, int DetectMs) : IJsonRecord
{
    string? IJsonRecord.FindFault() =>
        Version < 1 ? $"version {Version}"
        : Host.Length is 0 or > ReplicationLimits.MaxNameLength ? $"host name of {Host.Length} characters"
        : DetectMs is < 1 or > ReplicationLimits.MaxDetectMs ? $"detectMs {DetectMs}"
        : null;
}
