// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>
/// A backup's sidecar asks whether there is room for the replica of a guest that has no whole checkpoint here yet: before the first copy, and while it grows. Answered by one
/// <see cref="Result"/>, whose message is for the guest's owner.
/// </summary>
/// <param name="Uuid">The guest's UUID.</param>
public sealed record AskRoom(Guid Uuid) : ControlMessage;
