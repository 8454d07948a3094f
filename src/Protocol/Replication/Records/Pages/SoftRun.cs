// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Replication;

/// <summary>Neighbouring pages of one RAM block that share a <see cref="SoftClass"/>.</summary>
/// <param name="FirstPage">Index of the first page within its RAM block.</param>
/// <param name="PageCount">Number of pages, at least 1.</param>
public readonly record struct SoftRun(uint FirstPage, uint PageCount);
