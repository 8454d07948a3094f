// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>libvirt's hook asks whether an annotated guest may start on this host. Answered by one <see cref="Result"/>, whose message is for the user.</summary>
/// <param name="Uuid">The guest's UUID.</param>
/// <param name="Migrates">It is about to come here from the host that runs it now; the start itself is asked for afterwards.</param>
public sealed record AskStart(Guid Uuid, bool Migrates = false) : ControlMessage;
