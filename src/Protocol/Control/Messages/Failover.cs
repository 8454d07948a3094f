// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>Somebody asked for a planned failover. A backup takes the guest; a primary yields it to its backup. Answered by one <see cref="Result"/>.</summary>
public sealed record Failover : ControlMessage;
