// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Labs;

/// <summary>Pages of 4 KiB that the backup need not keep. Primary: as sent in this session. Backup: as held.</summary>
/// <param name="Zero">Pages of zeros.</param>
/// <param name="Free">Pages the guest's agent reported free.</param>
/// <param name="OnDisk">Pages that equal a block of the guest's disks.</param>
/// <param name="Read">Pages of files that the guest reads, about; null where that is not known.</param>
public sealed record GuestSoftPages(long Zero, long Free, long OnDisk, long? Read);
