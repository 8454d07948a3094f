// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Replication;

/// <summary>The guest's disks whose writes travel with its epochs, from the epoch on in which it is sent. Disk writes name a disk by its place in here.</summary>
/// <param name="Disks">At most <see cref="ReplicationLimits.MaxDisks"/>.</param>
public sealed record DiskList(IReadOnlyList<DiskInfo> Disks) : IJsonRecord
{
    string? IJsonRecord.FindFault() =>
        Disks.Count > ReplicationLimits.MaxDisks ? $"{Disks.Count} disks"
        : Disks.FirstOrDefault(disk => !IsAlias(disk.Alias)) is { } badAlias ? $"an alias of {badAlias.Alias.Length} characters"
        : Disks.FirstOrDefault(disk => !IsPath(disk.Image)) is { } badPath ? $"an image path of {badPath.Image.Length} characters"
        : Disks.FirstOrDefault(disk => disk.Format is not ("raw" or "qcow2")) is { } badFormat ? $"format of {badFormat.Format.Length} characters"
        : Disks.FirstOrDefault(disk => disk.ExportBytes is < 0 or > ReplicationLimits.MaxDiskBytes) is { } badSize ? $"a disk of {badSize.ExportBytes} bytes"
        : Disks.Select(disk => disk.Alias).Distinct(StringComparer.Ordinal).Count() != Disks.Count ? "one alias twice"
        : null;

    // It becomes part of file names on the backup.
    private static bool IsAlias(string alias) =>
        alias.Length is > 0 and <= ReplicationLimits.MaxNameLength
        && alias[0] != '.'
        && alias.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.');

    private static bool IsPath(string path) =>
        path.Length is > 1 and <= ReplicationLimits.MaxPathLength && path[0] == '/' && !path.Contains('\0', StringComparison.Ordinal);
}
