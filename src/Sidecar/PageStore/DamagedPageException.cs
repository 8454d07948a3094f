// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.PageStore;

/// <summary>A committed page's bytes do not decompress, or its block on the disk is not what it was: a guest must not be given this replica.</summary>
internal sealed class DamagedPageException(string block, long page, string reason)
    : Exception($"Page {page} of RAM block {block} is damaged: {reason}.");
