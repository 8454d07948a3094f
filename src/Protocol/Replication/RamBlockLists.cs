// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Replication;

/// <summary>The rule by which capture, link and replica tell whether pages named before a change of the guest's RAM blocks mean the same after it.</summary>
public static class RamBlockLists
{
    /// <summary>Whether <paramref name="blocks"/> are all of <paramref name="before"/>, in their places and as they were, and perhaps others behind them.</summary>
    public static bool OnlyGrewFrom<T>(this IReadOnlyList<T> blocks, IReadOnlyList<T> before) => blocks.Take(before.Count).SequenceEqual(before);
}
