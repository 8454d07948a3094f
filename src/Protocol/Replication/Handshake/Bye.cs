// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Replication;

/// <summary>Protection ends by intent.</summary>
/// <param name="Reason">ended, crashed, disabled, migrated or shutdown: why, for the backup's log.</param>
public sealed record Bye(string Reason);
