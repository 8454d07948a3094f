// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;

namespace Hikae.Sidecar.Disk;

/// <summary>UUID.draining in the run directory, with a process id: what the guest wrote may be in no image yet, and that process sees to it. Until then the daemon lets the guest not start.</summary>
internal static class DrainMark
{
    public static void Set(SidecarOptions options) =>
        File.WriteAllText(PathOf(options), string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}\n"));

    public static void Clear(SidecarOptions options) => File.Delete(PathOf(options));

    public static bool IsSet(SidecarOptions options) => File.Exists(PathOf(options));

    /// <summary>Another sidecar of the guest lives and sees to it.</summary>
    public static bool IsAnothers(SidecarOptions options)
    {
        try
        {
            return int.TryParse(File.ReadAllText(PathOf(options)).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int pid)
                && pid != Environment.ProcessId
                && File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/cmdline")).Split('\0').Contains(options.Uuid);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // There is no mark, or no such process.
            return false;
        }
    }

    private static string PathOf(SidecarOptions options) => options.RunFile("draining");
}
