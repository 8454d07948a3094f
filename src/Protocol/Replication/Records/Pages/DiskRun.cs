// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Replication;

/// <summary>Neighbouring pages of one RAM block that equal neighbouring blocks of one disk.</summary>
/// <param name="FirstPage">Index of the first page within its RAM block.</param>
/// <param name="PageCount">Number of pages, at least 1.</param>
/// <param name="FirstBlock">Index of the disk's block, of 4096 bytes, that the first page equals.</param>
public readonly record struct DiskRun(uint FirstPage, uint PageCount, long FirstBlock);
