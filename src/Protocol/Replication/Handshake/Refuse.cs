// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Replication;

/// <summary>Why a link is refused.</summary>
/// <param name="Code">A stable word for programs: version, guest, busy, config.</param>
/// <param name="Reason">A sentence for people.</param>
public sealed record Refuse(string Code, string Reason);
