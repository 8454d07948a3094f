// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using Hikae.Host.Control;

namespace Hikae.Host.Sidecars;

/// <summary>How sidecars are started here, and how one that runs is recognised before it registers.</summary>
internal sealed class SidecarStart(ISidecarLauncher launcher, string runDirectory)
{
    public ISidecarLauncher Launcher { get; } = launcher;

    /// <summary>
    /// True: the process named in the guest's pid file is a sidecar of that guest and role. A number alone may be anybody's by now.
    /// </summary>
    public bool IsRunning(SidecarKey key)
    {
        try
        {
            string text = File.ReadAllText(Path.Combine(runDirectory, $"{key.Uuid}.pid")).Trim();
            if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int pid))
            {
                return false;
            }
            string[] words = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/cmdline")).Split('\0');
            return words.Contains(key.Uuid.ToString()) && words.Contains(key.Role.ToString(), StringComparer.OrdinalIgnoreCase);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
