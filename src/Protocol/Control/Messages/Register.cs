// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>A sidecar's first message. A second one for the same guest and role replaces the first connection.</summary>
/// <param name="Uuid">The guest's UUID.</param>
/// <param name="Guest">The guest's libvirt name; on a backup that has not been told yet, the UUID's text.</param>
/// <param name="Role">What this host is to the guest.</param>
/// <param name="Pid">The sidecar's process id in its own PID namespace, which is hikaed's.</param>
public sealed record Register(Guid Uuid, string Guest, GuestRole Role, int Pid) : ControlMessage;
