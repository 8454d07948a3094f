// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>The sidecar ends because it shall. Without this message its end is a crash, and another one is started.</summary>
public sealed record Goodbye : ControlMessage;
