// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Capture;

/// <summary>Consecutive pages of one RAM block.</summary>
/// <param name="Block">Index of the block in the current list.</param>
/// <param name="FirstPage">Index of the first 4 KiB page within the block.</param>
/// <param name="PageCount">Number of pages, at least 1.</param>
internal readonly record struct PageRun(int Block, uint FirstPage, uint PageCount);
