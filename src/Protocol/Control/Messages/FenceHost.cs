// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>A sidecar that has taken a guest over asks hikaed to cut its former owner's power. Answered by one <see cref="Result"/>, perhaps minutes later.</summary>
/// <param name="Host">The host's name as in ownership records.</param>
public sealed record FenceHost(string Host) : ControlMessage;
