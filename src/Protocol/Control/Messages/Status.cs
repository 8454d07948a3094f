// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>A sidecar's state: on every change, and at least each second, because silence means that nobody looks after the guest.</summary>
/// <param name="Guest">The state; its UUID and role must be those registered.</param>
public sealed record Status(GuestStatus Guest) : ControlMessage;
