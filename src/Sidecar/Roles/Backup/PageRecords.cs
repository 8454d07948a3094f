// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Disk.Backup;
using Hikae.Sidecar.PageStore;

namespace Hikae.Sidecar;

/// <summary>Puts what a record says of pages into the open epoch, and returns how many pages it spoke of.</summary>
internal static class PageRecords
{
    public static ulong PutHard(ReplicaStore store, ReadOnlySpan<byte> payload)
    {
        ulong count = 0;
        var pages = new HardPagesReader(payload);
        while (pages.TryRead(out uint page, out ReadOnlySpan<byte> stored))
        {
            store.PutHard(pages.Block, page, stored);
            count++;
        }
        return count;
    }

    public static ulong PutDelta(ReplicaStore store, ReadOnlySpan<byte> payload)
    {
        ulong count = 0;
        var pages = new DeltaPagesReader(payload);
        while (pages.TryRead(out uint page, out ulong check, out ReadOnlySpan<byte> delta))
        {
            store.PutDelta(pages.Block, page, check, delta);
            count++;
        }
        return count;
    }

    /// <summary>Of the committed checkpoint, and of no epoch.</summary>
    public static void SetReads(ReplicaStore store, ReadOnlySpan<byte> payload)
    {
        ReadHeat heat = ReadHeat.Read(payload);
        store.SetReads(heat.Block, heat.FirstChunk, heat.Chunks);
    }

    public static ulong PutSoft(ReplicaStore store, ReadOnlySpan<byte> payload)
    {
        ulong count = 0;
        int runs = SoftPages.ReadHead(payload, out int block, out SoftClass softClass);
        for (int i = 0; i < runs; i++)
        {
            SoftRun run = SoftPages.ReadRun(payload, i);
            store.PutSoft(block, run.FirstPage, run.PageCount, softClass);
            count += run.PageCount;
        }
        return count;
    }

    public static ulong PutOnDisk(ReplicaStore store, ReferencedEnds references, ReadOnlySpan<byte> payload)
    {
        ulong count = 0;
        int runs = DiskPages.ReadHead(payload, out int block, out int disk, out int pages);
        ulong[] checks = ArrayPool<ulong>.Shared.Rent(pages);
        try
        {
            DiskPages.ReadChecks(payload, checks.AsSpan(0, pages));
            for (int i = 0; i < runs; i++)
            {
                DiskRun run = DiskPages.ReadRun(payload, i);
                store.PutOnDisk(block, run.FirstPage, disk, run.FirstBlock, checks.AsSpan((int)count, (int)run.PageCount));
                references.Add(disk, run.FirstBlock, run.PageCount);
                count += run.PageCount;
            }
            return count;
        }
        finally
        {
            ArrayPool<ulong>.Shared.Return(checks);
        }
    }
}
