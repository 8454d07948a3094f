// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Host;

/// <summary>What hikaed's command line says.</summary>
internal sealed record HostOptions
{
    public const string DefaultRunDirectory = "/run/hikae";
    public const string DefaultSidecar = "/usr/libexec/hikae/hikae-sidecar";
    public const string DefaultLibvirtUri = "qemu:///system";

    /// <summary>hikae.conf. Null: the default path, which may be absent. A path that was given must exist.</summary>
    public string? ConfigPath { get; init; }

    public string RunDirectory { get; init; } = DefaultRunDirectory;

    public string LibvirtUri { get; init; } = DefaultLibvirtUri;

    /// <summary>Where libvirt keeps its pid files.</summary>
    public string LibvirtState { get; init; } = "/run/libvirt/qemu";

    public string Sidecar { get; init; } = DefaultSidecar;

    public string ControlSocket => Path.Combine(RunDirectory, "hikaed.sock");

    /// <summary>Where detached sidecars write; a run directory of one's own keeps its logs to itself.</summary>
    public string LogDirectory => RunDirectory == DefaultRunDirectory ? "/var/log/hikae" : Path.Combine(RunDirectory, "log");
}
