// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>Answers <see cref="AskTurn"/>.</summary>
/// <param name="Granted">The guest may be started now. Not taken back.</param>
/// <param name="Reason">Why it has to wait, in a sentence for people; empty when granted.</param>
public sealed record Turn(bool Granted, string Reason) : ControlMessage;
