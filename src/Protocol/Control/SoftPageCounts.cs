// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>Pages of the guest that the backup need not keep, by reason, of 4 KiB: on the primary those sent in this session, on the backup those held now.</summary>
/// <param name="Zero">Pages of zeros.</param>
/// <param name="Free">Pages the guest's agent reported free in a scan begun after their last write.</param>
/// <param name="CacheReported">Pages the agent reported as clean page cache; a hint, they are dropped only where found on disk.</param>
/// <param name="OnDisk">Pages that had the content of a block of the guest's disks; looked for only where [soft] on_disk says so.</param>
/// <param name="Read">Pages of files that the guest reads within a second, by its agent's samples, late ones counting more; about. Null: not known.</param>
public sealed record SoftPageCounts(long Zero, long Free, long CacheReported, long OnDisk = 0, long? Read = null);
