// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Disk.Buffer;
using Hikae.Sidecar.Epoch;

namespace Hikae.Sidecar.Capture;

/// <summary>A piece of an epoch between capture and link. Pieces of one epoch stand between its begin and its end.</summary>
internal abstract record EpochPart
{
    /// <summary>The epoch begins.</summary>
    internal sealed record Begin(EpochId Epoch) : EpochPart;

    /// <summary>The guest's RAM blocks and its domain XML are these from this epoch on.</summary>
    internal sealed record Hardware(IReadOnlyList<RamBlockInfo> Blocks, string DomainXml) : EpochPart;

    /// <summary>Copied pages. Whoever takes the part disposes the segment.</summary>
    internal sealed record Pages(CaptureSegment Segment) : EpochPart;

    /// <summary>Copies of pages that the backup has, unless the epoch has them, too, further on: of use only where they equal a block of the guest's disks. Whoever takes the part disposes the segment.</summary>
    internal sealed record PagesAgain(CaptureSegment Segment) : EpochPart;

    /// <summary>Pages the guest holds as free.</summary>
    internal sealed record Free(IReadOnlyList<PageRun> Runs) : EpochPart;

    /// <summary>The guest's device state.</summary>
    internal sealed record Devices(byte[] State) : EpochPart;

    /// <summary>The disks whose writes travel from this epoch on.</summary>
    internal sealed record Disks(DiskList List) : EpochPart;

    /// <summary>What the epoch wrote to one disk. Whoever takes the part disposes the entries.</summary>
    internal sealed record DiskWrites(int Disk, bool HoldsFlush, EpochEntries Entries) : EpochPart;

    /// <summary>Everything through this epoch is durable in the images. May stand anywhere, also within another epoch.</summary>
    internal sealed record DiskFlushed(EpochId Epoch) : EpochPart;

    /// <summary>What the guest reads of each RAM block that says so. May stand anywhere, also within another epoch.</summary>
    internal sealed record Reads(IReadOnlyList<ChunkReads> Blocks) : EpochPart;

    /// <summary>The epoch before was the last one here: the guest stands still and waits for the backup to take it.</summary>
    internal sealed record Yielded(EpochId Epoch) : EpochPart;

    /// <summary>The epoch is whole.</summary>
    internal sealed record End(EpochId Epoch) : EpochPart;
}
