// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Configuration;
using Hikae.Protocol.Control;

namespace Hikae.Sidecar;

/// <summary>What a sidecar is told when it is started. Set once.</summary>
/// <param name="Role">What this host is to the guest.</param>
/// <param name="Guest">The guest's UUID.</param>
/// <param name="Configuration">The host's configuration.</param>
/// <param name="RunDirectory">Directory on tmpfs with the control socket and the guests' small state files.</param>
/// <param name="LibvirtUri">The host's libvirt.</param>
/// <param name="LibvirtStateDirectory">Where libvirt keeps its pid files.</param>
internal sealed record SidecarOptions(
    GuestRole Role,
    Guid Guest,
    HikaeConfiguration Configuration,
    string RunDirectory,
    string LibvirtUri,
    string LibvirtStateDirectory)
{
    /// <summary>The UUID as libvirt writes it.</summary>
    public string Uuid => Guest.ToString("D");

    /// <summary>Where the daemon is reached.</summary>
    public string ControlSocket => Path.Combine(RunDirectory, "hikaed.sock");

    /// <summary>A file of this guest in the run directory.</summary>
    public string RunFile(string extension) => Path.Combine(RunDirectory, $"{Uuid}.{extension}");
}
