// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>
/// A backup's sidecar that may have to continue its guest asks when it may start it, on a connection of its own. Answered by <see cref="Turn"/>, again each time the answer
/// changes; the turn ends with the connection. It says nothing about who owns the guest.
/// </summary>
/// <param name="Uuid">The guest's UUID.</param>
/// <param name="Guest">Its libvirt name.</param>
/// <param name="Primary">The host that is lost.</param>
/// <param name="Priority">Of its annotation.</param>
/// <param name="GuestBytes">Bytes of memory the guest has.</param>
/// <param name="UsedBytes">Bytes of it that are neither zero nor free: what it takes at once.</param>
/// <param name="Held">The sidecar was told that it is its turn, perhaps by an earlier hikaed, and is at it.</param>
public sealed record AskTurn(Guid Uuid, string Guest, string Primary, int Priority, long GuestBytes, long UsedBytes, bool Held = false) : ControlMessage;
