// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;

namespace Hikae.Sidecar.PageStore;

/// <summary>A RAM block in the store: what is committed of it, and what the open epoch says.</summary>
/// <remarks>Its number stays the same when other blocks come and go, because slots in the arena name it.</remarks>
internal sealed class ReplicaBlock(int number, string name, PageArena arena) : IDisposable
{
    // Page numbers have 31 bits at most, numbers of blocks 12 (ReplicationLimits, ReplicaStore.StageBlocks). BatchSlot has use for some of those between and above.
    private const int NumberShift = 48;

    // What Committed becomes when the open epoch commits, where the size changes. Taken when the epoch opens, so that a
    // commit needs no memory and cannot fail half-way.
    private CommittedPages? _resized;

    internal int Number { get; } = number;

    internal string Name { get; } = name;

    /// <summary>Null until an epoch with this block commits.</summary>
    internal CommittedPages? Committed { get; private set; }

    /// <summary>Null until an epoch with this block opens.</summary>
    internal StagedPages? Staged { get; private set; }

    /// <summary>The open epoch sees the block with this size. Nothing may be staged yet.</summary>
    internal void Stage(long pageCount)
    {
        if (Staged is null || Staged.PageCount != pageCount)
        {
            // Made first: when there is no memory, nothing here may be what was disposed.
            StagedPages staged = new(pageCount, arena);
            Staged?.Dispose();
            Staged = staged;
        }
        _resized?.Dispose();
        _resized = null;
        _resized = Committed?.PageCount == pageCount ? null : new CommittedPages(Number, pageCount, arena);
    }

    internal void PutHard(long page, ReadOnlySpan<byte> stored) => Staged!.PutHard(page, OwnerOf(page), stored);

    /// <summary>The newest version of a page, staged or else committed; not a hard one when no bytes are held of it.</summary>
    internal PageEntry Newest(long page)
    {
        PageEntry staged = Staged!.Said(page);
        return !staged.IsNothing || page >= (Committed?.PageCount ?? 0) ? staged : Committed![page];
    }

    /// <summary>Other stored bytes of the same committed page.</summary>
    internal void Recommit(long page, ReadOnlySpan<byte> stored) => Committed!.Replace(page, arena.Store(OwnerOf(page), stored));

    internal void Commit()
    {
        if (_resized is not null)
        {
            Committed?.MoveTo(_resized);
            Committed?.Dispose();
            Committed = _resized;
            _resized = null;
        }
        Committed!.Apply(Staged!);
    }

    internal void Drop()
    {
        Staged?.DiscardAll();
        Committed?.ReleaseAll();
        Dispose();
    }

    internal void Move(long page, (int Slab, int Slot) from, (int Slab, int Slot) to)
    {
        if (Committed is not null && Committed.TryMove(page, from, to))
        {
            return;
        }
        // Not committed, so it must be staged: the arena's invariant.
        ref ulong entry = ref Staged!.Entry(page);
        if (!new PageEntry(entry).IsAt(from.Slab, from.Slot))
        {
            throw new UnreachableException($"Nobody owns slot {from.Slot} of slab {from.Slab}, which names page {page} of {Name}.");
        }
        entry = new PageEntry(entry).MovedTo(to.Slab, to.Slot).Bits;
    }

    public void Dispose()
    {
        Staged?.Dispose();
        _resized?.Dispose();
        Committed?.Dispose();
    }

    /// <summary>How the arena names a page of a block.</summary>
    internal static ulong Owner(int number, long page) => ((ulong)number << NumberShift) | (ulong)page;

    internal static (int Number, long Page) Owner(ulong owner) => ((int)(owner >> NumberShift), (long)(owner & ((1UL << NumberShift) - 1)));

    internal ulong OwnerOf(long page) => Owner(Number, page);
}
