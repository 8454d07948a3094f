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
    public bool IsRunning(SidecarKey key) =>
        CommandLine($"{key.Uuid}.pid") is string[] words
        && words.Contains(key.Uuid.ToString()) && words.Contains(key.Role.ToString(), StringComparer.OrdinalIgnoreCase);

    /// <summary>
    /// True: a sidecar of the guest, of either role, lives and has left UUID.draining with its process id: disk writes that the guest was told
    /// are done are not all in its image yet.
    /// </summary>
    public bool IsDraining(Guid guest) => CommandLine($"{guest}.draining") is string[] words && words.Contains(guest.ToString());

    /// <summary>True: that sidecar died, and so did its guest perhaps: the writes must be brought into the image before the guest may start again.</summary>
    public bool IsLeftUndrained(Guid guest) => File.Exists(Path.Combine(runDirectory, $"{guest}.draining")) && !IsDraining(guest);

    /// <summary>Guests that a backup's sidecar has begun to take over here, and has not yet left to their own sidecars: UUID.takeover.</summary>
    public IReadOnlyList<Guid> Takeovers() =>
        [.. Directory.GetFiles(runDirectory, "*.takeover").Where(path => Guid.TryParse(Path.GetFileNameWithoutExtension(path), out _))
            .Select(path => Guid.Parse(Path.GetFileNameWithoutExtension(path)))];

    /// <summary>The words of the process whose id the file holds; null when there is no such file or process.</summary>
    private string[]? CommandLine(string file)
    {
        try
        {
            string text = File.ReadAllText(Path.Combine(runDirectory, file)).Trim();
            return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int pid)
                ? File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/cmdline")).Split('\0')
                : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
