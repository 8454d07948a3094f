// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;

namespace Hikae.Hooks;

/// <summary>Sidecars as processes of their own, where no systemd runs.</summary>
/// <remarks>
/// Detached means: a session of its own, and none of libvirt's descriptors. A child that kept fd 1 or 2 would keep
/// libvirt waiting for as long as the guest runs.
/// </remarks>
internal sealed class DetachedSidecars(string program, string runDirectory, string logDirectory) : ISidecarUnits
{
    // setsid -f forks and returns at once. A log that cannot be written must not keep a guest from being protected.
    private const string StartLine =
        "umask 077; log=$0; true 2>/dev/null >>\"$log\" || log=/dev/null; exec /usr/bin/setsid -f \"$@\" </dev/null >>\"$log\" 2>&1";

    private const string StopLine = "kill -s TERM \"$0\" >/dev/null";

    public void Start(string uuid)
    {
        Directory.CreateDirectory(logDirectory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        ShellCommand.Run(StartLine, Path.Combine(logDirectory, uuid + ".log"), program, "--role", "primary", "--uuid", uuid);
    }

    public void Stop(string uuid)
    {
        string pidFile = Path.Combine(runDirectory, uuid + ".pid");
        if (File.Exists(pidFile)
            && int.TryParse(File.ReadAllText(pidFile).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int pid)
            && IsPrimarySidecar(pid, uuid))
        {
            ShellCommand.Run(StopLine, pid.ToString(CultureInfo.InvariantCulture));
        }
    }

    /// <summary>
    /// The pid of a sidecar that died may belong to anybody by now, and a sidecar that keeps a replica for another
    /// host does not end with a guest of the same uuid on this one.
    /// </summary>
    private static bool IsPrimarySidecar(int pid, string uuid)
    {
        string file = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/cmdline");
        if (!File.Exists(file))
        {
            return false;
        }

        string[] words = File.ReadAllText(file).Split('\0');
        return words.Contains(uuid) && words.Contains("primary");
    }
}
