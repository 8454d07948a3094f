// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Control;

namespace Hikae.Host.Metrics;

/// <summary>Everything the metrics are made of, at one moment.</summary>
/// <param name="Host">This host's name.</param>
/// <param name="Version">Of hikaed.</param>
/// <param name="IsLibvirtConnected">Whether libvirt answers.</param>
/// <param name="Failovers">Guests that went on here after a failover, since hikaed started.</param>
/// <param name="SidecarDeaths">Sidecars that ended without a goodbye, since hikaed started.</param>
/// <param name="Memory">Of this host; null when the kernel does not say.</param>
/// <param name="Guests">As <c>hikae status</c> shows them.</param>
internal sealed record HostFigures(
    string Host, string Version, bool IsLibvirtConnected, long Failovers, long SidecarDeaths, HostMemory? Memory, IReadOnlyList<GuestStatus> Guests)
{
    /// <summary>Memory that the sidecars of all replicas on this host take for themselves.</summary>
    public long ReplicaBytes { get; init; }

    /// <summary>Memory that they may take before a further guest is refused; null: unlimited.</summary>
    public long? ReplicaBudgetBytes { get; init; }
}
