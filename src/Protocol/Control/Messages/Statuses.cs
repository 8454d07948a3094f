// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>Part of the answer to <see cref="Query"/>.</summary>
/// <param name="Guests">Statuses, ordered by guest name, then role.</param>
/// <param name="More">True when another <see cref="Statuses"/> follows, because all of them would not fit one frame.</param>
public sealed record Statuses(IReadOnlyList<GuestStatus> Guests, bool More = false) : ControlMessage;
