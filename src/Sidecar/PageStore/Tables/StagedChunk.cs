// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.PageStore;

/// <summary>What the open epoch says about 512 neighbouring pages.</summary>
internal enum StagedChunk : byte
{
    /// <summary>Nothing.</summary>
    Untouched,

    /// <summary>See the staging table, page by page.</summary>
    SpelledOut,

    /// <summary>Every page is zero; the table says nothing.</summary>
    AllZero,

    /// <summary>Every page is free; the table says nothing.</summary>
    AllFree,
}
