// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>Asks for a planned failover. Goes to the guest's backup sidecar if one is on this host, else to its primary's.</summary>
/// <param name="Guest">The guest's libvirt name or its UUID.</param>
public sealed record FailoverGuest(string Guest) : ControlMessage;
