// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Hooks;

/// <summary>Sidecars as instances of hikae-sidecar@.service, outside libvirtd's control group.</summary>
/// <remarks>--no-block, because the sidecar itself will want libvirt, and libvirt is waiting for us.</remarks>
internal sealed class SystemdUnits : ISidecarUnits
{
    /// <summary>Exists when systemd runs this host: see sd_booted(3).</summary>
    internal const string BootedMarker = "/run/systemd/system";

    private const string Line = "exec \"$0\" \"$@\" </dev/null >/dev/null";

    public void Start(string uuid) => ShellCommand.Run(Line, "/usr/bin/systemctl", "start", "--no-block", UnitOf(uuid));

    public void Stop(string uuid) => ShellCommand.Run(Line, "/usr/bin/systemctl", "stop", "--no-block", UnitOf(uuid));

    private static string UnitOf(string uuid) => $"hikae-sidecar@{uuid}.service";
}
