// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json.Serialization;

namespace Hikae.Protocol.Control;

/// <summary>
/// What travels on hikaed's control socket between hikaed, the sidecars of its host and the command line. The member
/// <c>type</c> says which message it is.
/// </summary>
/// <remarks>
/// Sidecar to hikaed: <see cref="Register"/> first, then <see cref="Status"/>, at the end <see cref="Goodbye"/>; <see cref="Result"/> answers a <see cref="Failover"/>;
/// <see cref="FenceHost"/> is answered by <see cref="Result"/>.
/// hikaed to sidecar: <see cref="Link"/>, <see cref="Failover"/>, <see cref="Refresh"/>.
/// Command to hikaed: <see cref="Query"/> is answered by <see cref="Statuses"/>, <see cref="FailoverGuest"/> by <see cref="Result"/>. A sidecar asks so too,
/// on a connection of its own: <see cref="Listen"/> is answered by <see cref="Listening"/>, <see cref="AskRoom"/> by <see cref="Result"/>, <see cref="AskTurn"/> by <see cref="Turn"/>.
/// Hook to hikaed: <see cref="AskStart"/>, answered by <see cref="Result"/>.
/// Members a reader does not know are skipped; a type it does not know ends the connection.
/// </remarks>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(Register), "register")]
[JsonDerivedType(typeof(Status), "status")]
[JsonDerivedType(typeof(Goodbye), "goodbye")]
[JsonDerivedType(typeof(Link), "link")]
[JsonDerivedType(typeof(Failover), "failover")]
[JsonDerivedType(typeof(Refresh), "refresh")]
[JsonDerivedType(typeof(Query), "query")]
[JsonDerivedType(typeof(Statuses), "statuses")]
[JsonDerivedType(typeof(FailoverGuest), "failoverGuest")]
[JsonDerivedType(typeof(AskStart), "askStart")]
[JsonDerivedType(typeof(FenceHost), "fenceHost")]
[JsonDerivedType(typeof(Result), "result")]
[JsonDerivedType(typeof(AskRoom), "askRoom")]
[JsonDerivedType(typeof(AskTurn), "askTurn")]
[JsonDerivedType(typeof(Turn), "turn")]
[JsonDerivedType(typeof(Listen), "listen")]
[JsonDerivedType(typeof(Listening), "listening")]
public abstract record ControlMessage;
