// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;

namespace Hikae.Sidecar;

/// <summary>Why a guest ended, as libvirt told the hook, which left it in a file.</summary>
internal static class ReleaseReason
{
    private const int MaxChars = 64;

    // libvirt calls the hook some milliseconds after QEMU is gone, on a busy host a second or more; without a hook nobody writes the file.
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);

    /// <summary>Waits a moment for the file, reads and removes it. "ended" when there is none.</summary>
    public static string Read(string path)
    {
        for (long began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < Patience;)
        {
            try
            {
                string reason = File.ReadAllText(path).Trim();
                File.Delete(path);
                return reason.Length is > 0 and <= MaxChars ? reason : "ended";
            }
            catch (FileNotFoundException)
            {
                Thread.Sleep(Interval);
            }
            catch (IOException)
            {
                break;
            }
        }
        return "ended";
    }
}
