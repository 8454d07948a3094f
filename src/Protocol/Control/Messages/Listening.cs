// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>Answers <see cref="Listen"/>; the socket comes with it (SCM_RIGHTS).</summary>
public sealed record Listening : ControlMessage;
