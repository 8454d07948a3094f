// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>The guest's annotation or devices changed: read the domain again. May come more often than something changed.</summary>
public sealed record Refresh : ControlMessage;
