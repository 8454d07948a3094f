// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Labs;

/// <summary>The packets of a <see cref="GuestReport"/>.</summary>
/// <param name="Sent">How many the guest sent.</param>
/// <param name="Dropped">How many of them were dropped, because too much waited.</param>
/// <param name="HeldBytes">Bytes that wait now.</param>
public sealed record GuestPackets(long Sent, long Dropped, long HeldBytes);
