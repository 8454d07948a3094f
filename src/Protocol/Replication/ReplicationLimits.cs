// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Replication;

/// <summary>Every length a peer may name, with its limit. A record is measured against these before memory is taken.</summary>
public static class ReplicationLimits
{
    /// <summary>Bytes of a guest page as QEMU tracks it on x86 (TARGET_PAGE_SIZE).</summary>
    public const int PageBytes = 4096;

    /// <summary>Largest payload of any record, and of one this build does not know. 256 raw pages with their heads need 1.05 MB; the rest is for later versions.</summary>
    public const int MaxPayloadBytes = 4 * 1024 * 1024;

    /// <summary>Most pages in one HardPages or DeltaPages record: 1 MiB of guest memory, the largest batch that stays in a processor's L2 cache.</summary>
    public const int MaxPagesPerRecord = 256;

    /// <summary>Longest delta of a page: a quarter of it. What changed more is hardly longer as a zstd frame, and then need not be put together on the backup.</summary>
    public const int MaxDeltaBytes = PageBytes / 4;

    /// <summary>Most runs in one SoftPages record.</summary>
    public const int MaxRunsPerRecord = 32 * 1024;

    /// <summary>Most pages in one DiskPages record, and so runs.</summary>
    public const int MaxDiskPagesPerRecord = 16 * 1024;

    /// <summary>Pages of a chunk of a RAM block, 2 MiB: what is hot or cold as a whole.</summary>
    public const int PagesPerChunk = 512;

    /// <summary>Most chunks in one ReadHeat record: 128 GiB of guest memory.</summary>
    public const int MaxChunksPerRecord = 64 * 1024;

    /// <summary>Most RAM blocks of one guest. A q35 guest has about 10; each hot-plugged DIMM and option ROM adds one.</summary>
    public const int MaxBlocks = 1024;

    /// <summary>Longest RAM block name in bytes: QEMU's streams store the length in one byte.</summary>
    public const int MaxBlockNameBytes = 255;

    /// <summary>Largest guest: a page index has 32 bits, which name 16 TiB; 8 TiB is above what one host runs.</summary>
    public const long MaxGuestBytes = 8L << 40;

    /// <summary>Largest device state of one checkpoint. A plain guest has 100 KB; a guest with many vCPUs and queues a few MB.</summary>
    public const int MaxDeviceStateBytes = 64 * 1024 * 1024;

    /// <summary>Longest JSON text in Hello, Welcome, Refuse and other records between people's programs.</summary>
    public const int MaxJsonBytes = 64 * 1024;


    /// <summary>Longest domain XML: real ones are below 64 KB.</summary>
    public const int MaxDomainXmlBytes = 1024 * 1024;

    /// <summary>Longest host or guest name in a JSON record, in characters: a DNS name has at most 253, libvirt's names stay below 255.</summary>
    public const int MaxNameLength = 255;

    /// <summary>Longest silence after which a peer may want to call a link lost: ten minutes, in milliseconds.</summary>
    public const int MaxDetectMs = 600_000;

    /// <summary>Most disks of one guest whose writes travel with its epochs.</summary>
    public const int MaxDisks = 64;

    /// <summary>Largest disk: 8 EiB less a page, as file offsets are signed.</summary>
    public const long MaxDiskBytes = long.MaxValue - PageBytes;

    /// <summary>Longest path of an image in characters; PATH_MAX is 4096 bytes.</summary>
    public const int MaxPathLength = 4095;

    /// <summary>Largest DiskWrites payload. Longer writes of the guest are cut.</summary>
    public const int MaxDiskWritesBytes = 1024 * 1024;

    /// <summary>Most payload bytes that a record of <paramref name="type"/> may name.</summary>
    /// <remarks>A peer that names 4 MiB in a record that holds 28 bytes is refused by its header, before a buffer is taken for it.</remarks>
    public static int MaxPayloadBytesOf(RecordType type) => type switch
    {
        RecordType.DomainXml => MaxDomainXmlBytes,
        RecordType.BlockList => BlockList.MaxBytes,
        RecordType.HardPages => HardPagesWriter.MaxBytes,
        RecordType.SoftPages => SoftPages.SizeBytes(MaxRunsPerRecord),
        RecordType.DeviceState => MaxPayloadBytes,
        RecordType.EpochEnd => EpochTotals.Bytes,
        RecordType.DiskWrites => MaxDiskWritesBytes,
        RecordType.DiskFlushed => MaxJsonBytes,
        RecordType.DiskList => MaxJsonBytes,
        RecordType.Claimed => sizeof(long),
        RecordType.DeltaPages => DeltaPagesWriter.MaxBytes,
        RecordType.ReadHeat => ReadHeat.SizeBytes(MaxChunksPerRecord),
        RecordType.DiskPages => DiskPages.SizeBytes(MaxDiskPagesPerRecord, MaxDiskPagesPerRecord),
        >= RecordType.Hello and <= RecordType.Recovered => MaxJsonBytes,
        _ => MaxPayloadBytes,
    };
}
