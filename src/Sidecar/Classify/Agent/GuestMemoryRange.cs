// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Classify;

/// <summary>A stretch of guest page frames that lies in one RAM block.</summary>
/// <param name="FirstPfn">First guest page frame number.</param>
/// <param name="PageCount">Pages, at least 1.</param>
/// <param name="Block">Index of the RAM block in the guest's block list.</param>
/// <param name="FirstPage">The RAM block's page at <paramref name="FirstPfn"/>.</param>
internal readonly record struct GuestMemoryRange(ulong FirstPfn, long PageCount, int Block, long FirstPage)
{
    /// <summary>The page frame number behind the last.</summary>
    public ulong EndPfn => FirstPfn + (ulong)PageCount;
}
