// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Host.Control;
using Hikae.Protocol.Control;

namespace Hikae.Host.Sidecars;

/// <summary>Sidecars as processes of their own session, where no systemd runs. Their output goes to a log file per guest.</summary>
internal sealed class DetachedLauncher(HostOptions options) : ISidecarLauncher
{
    // setsid -f forks and returns at once. A log that cannot be written must not keep a guest from being protected.
    private const string StartLine =
        "umask 077; log=$0; true 2>/dev/null >>\"$log\" || log=/dev/null; test -x \"$1\" || exit 127; exec setsid -f \"$@\" </dev/null >>\"$log\" 2>&1";

    public Task StartAsync(SidecarKey sidecar, CancellationToken cancellationToken)
    {
        try
        {
            Directory.CreateDirectory(options.LogDirectory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The line below then logs nowhere.
        }
        string log = Path.Combine(options.LogDirectory, $"{sidecar.Uuid}.log");
        return LaunchCommand.RunAsync("/bin/sh", ["-c", StartLine, log, options.Sidecar, .. Arguments(sidecar)], cancellationToken);
    }

    private IEnumerable<string> Arguments(SidecarKey sidecar)
    {
        yield return "--role";
        yield return sidecar.Role == GuestRole.Primary ? "primary" : "backup";
        yield return "--uuid";
        yield return sidecar.Uuid.ToString();
        if (options.ConfigPath is string config)
        {
            yield return "--config";
            yield return Path.GetFullPath(config);
        }
        if (options.RunDirectory != HostOptions.DefaultRunDirectory)
        {
            yield return "--run-dir";
            yield return Path.GetFullPath(options.RunDirectory);
        }
    }
}
