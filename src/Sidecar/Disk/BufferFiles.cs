// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Disk.Buffer;

namespace Hikae.Sidecar.Disk;

/// <summary>Where the buffers of a guest's disks lie: one file a disk in the run directory, which is a tmpfs.</summary>
internal static class BufferFiles
{
    /// <summary>The file of one disk.</summary>
    public static string PathOf(string runDirectory, Guid guest, string alias) => Path.Combine(runDirectory, $"{guest:D}-{alias}.buffer");

    /// <summary>A buffer with nothing in it, whatever an earlier life of the guest left there.</summary>
    public static EpochBuffer OpenEmpty(string runDirectory, Guid guest, string alias, long maxBytes, long reserveBytes = BufferLimits.DefaultReserveBytes)
    {
        Delete(runDirectory, guest, alias);
        return EpochBuffer.Open(PathOf(runDirectory, guest, alias), maxBytes, reserveBytes);
    }

    /// <summary>The buffer as its last owner left it.</summary>
    public static EpochBuffer Recover(string runDirectory, Guid guest, string alias, long maxBytes) =>
        EpochBuffer.Open(PathOf(runDirectory, guest, alias), maxBytes);

    /// <summary>Of all the guest's disks.</summary>
    public static void DeleteAll(string runDirectory, Guid guest)
    {
        foreach (string path in Directory.GetFiles(runDirectory, $"{guest:D}-*.buffer"))
        {
            File.Delete(path);
        }
    }

    public static void Delete(string runDirectory, Guid guest, string alias) => File.Delete(PathOf(runDirectory, guest, alias));
}
