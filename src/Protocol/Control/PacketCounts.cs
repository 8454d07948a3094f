// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>The guest's packets while they wait for their commit, since filters were put in front of its interfaces.</summary>
/// <param name="Sent">How many the guest sent.</param>
/// <param name="Dropped">How many of them were dropped, because too much waited already.</param>
/// <param name="HeldBytes">Bytes that wait now.</param>
public sealed record PacketCounts(long Sent, long Dropped, long HeldBytes);
