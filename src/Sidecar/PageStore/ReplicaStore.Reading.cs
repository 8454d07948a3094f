// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.PageStore;

/// <remarks>Reading. Whoever continues the guest reads the committed checkpoint only.</remarks>
internal sealed partial class ReplicaStore
{
    /// <summary>What the committed checkpoint knows of a page.</summary>
    public PageKind Get(int block, long page)
    {
        PageEntry entry = CommittedEntry(block, page);
        return entry.IsHard ? PageKind.Hard : entry.IsOnDisk ? PageKind.OnDisk : entry.IsFree ? PageKind.Free : PageKind.Zero;
    }

    /// <summary>How often and how lately something of the 2 MiB around this page came from the primary, or was read by the guest.</summary>
    public int HeatOf(int block, long page) => _committedBlocks[block].Committed!.Heat.WantedOf((int)(page / PageTable.PagesPerChunk));

    /// <summary>What the guest reads of a RAM block's chunks, by the primary's word. One that is not (or not yet) in the committed checkpoint is passed over.</summary>
    public void SetReads(int block, int firstChunk, ReadOnlySpan<byte> chunks)
    {
        if (block < _committedBlocks.Length)
        {
            _committedBlocks[block].Committed!.Heat.SetReads(firstChunk, chunks);
            _isToldReads = true;
        }
    }

    /// <summary>Calls with the disk and block of each page of kind OnDisk.</summary>
    public void VisitReferences(Action<int, long> visit)
    {
        foreach (ReplicaBlock block in _committedBlocks)
        {
            block.Committed!.VisitReferences(visit);
        }
    }

    /// <summary>The committed bytes of a page, 4096 of them. Throws <see cref="DamagedPageException"/> when they are not what came.</summary>
    public PageKind ReadPage(int block, long page, Span<byte> destination)
    {
        destination = destination[..ReplicationLimits.PageBytes];
        PageEntry entry = CommittedEntry(block, page);
        if (entry.IsOnDisk)
        {
            return Disks is { } disks && PageCheck.TryRead(disks, entry, _committedBlocks[block].Committed!.CheckOf(page), destination)
                ? PageKind.OnDisk
                : throw new DamagedPageException(Blocks[block].Name, page, $"block {entry.Block} of disk {entry.Disk} has other bytes than the primary saw there");
        }
        if (!entry.IsHard)
        {
            destination.Clear();
            return entry.IsFree ? PageKind.Free : PageKind.Zero;
        }
        Decode(Blocks[block].Name, page, entry, destination);
        return PageKind.Hard;
    }

    private void Decode(string block, long page, PageEntry entry, Span<byte> destination)
    {
        if (_reader.TryRead(entry, destination) is { } reason)
        {
            throw new DamagedPageException(block, page, reason);
        }
    }

    private PageEntry CommittedEntry(int block, long page)
    {
        CommittedPages committed = _committedBlocks[block].Committed!;
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)page, (ulong)committed.PageCount, nameof(page));
        return committed[page];
    }
}
