// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Recovery;

/// <summary>
/// libvirtd ended while it started the domain. The next one ends such a domain by itself, soon; but not one that had no QEMU yet, which no call of the API ends
/// (libvirt 11.3, qemuProcessReconnectHelper skips it, and its job "start" is held for ever).
/// </summary>
internal sealed class HalfStartedDomainException(string name) : Exception(
    $"libvirt of {Environment.MachineName} was ended while it began to start {name} there, and keeps a domain without QEMU that it cannot end: "
    + $"on {Environment.MachineName} stop libvirtd, delete /run/libvirt/qemu/{name}.xml, start libvirtd");
