// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Host.Control;
using Hikae.Protocol.Control;

namespace Hikae.Host.Sidecars;

/// <summary>Sidecars as units: hikae-sidecar@UUID for the primary, hikae-backup@UUID for the backup.</summary>
/// <remarks>Starting a unit that runs does nothing, so hook and daemon cannot start two. --no-block: hikaed waits for the registration instead.</remarks>
internal sealed class SystemdLauncher : ISidecarLauncher
{
    /// <summary>Exists when systemd runs this host: see sd_booted(3).</summary>
    public const string BootedMarker = "/run/systemd/system";

    public Task StartAsync(SidecarKey sidecar, CancellationToken cancellationToken) =>
        LaunchCommand.RunAsync("/usr/bin/systemctl", ["start", "--no-block", UnitOf(sidecar)], cancellationToken);

    public static string UnitOf(SidecarKey sidecar) =>
        $"{(sidecar.Role == GuestRole.Primary ? "hikae-sidecar" : "hikae-backup")}@{sidecar.Uuid}.service";
}
