// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Guest.Pages;

/// <summary>A run of page frames.</summary>
/// <param name="First">Its first page frame number.</param>
/// <param name="End">The page frame number behind its last.</param>
internal readonly record struct PfnRange(ulong First, ulong End);
