// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;

namespace Hikae.Protocol.Tests.Replication;

/// <summary>Small valid payloads, one or more of each kind, and how each is read to its end.</summary>
internal static class SampleRecords
{
    public static readonly Guid GuestUuid = new("0d3b6d4e-5f0a-4c41-9a53-0f5c1ab1c0de");

    public static readonly Hello Hello = new(1, 1, GuestUuid, "web", "hostA", 7, 500);

    public static readonly RamBlockInfo[] Blocks =
    [
        new("pc.ram", 512L << 20, 4096),
        new("/rom@etc/acpi/tables", 128 << 10, 4096),
        new("huge", 4L << 20, 2 << 20),
    ];

    /// <summary>Name, payload and reader of each record type that has a payload.</summary>
    public static IReadOnlyList<(string Name, byte[] Payload, Action<byte[]> Read)> All { get; } =
    [
        ("Preamble", WritePreamble(), bytes => Preamble.TryRead(bytes, out _, out _)),
        ("Hello", ReplicationJson.Write(Hello), bytes => ReplicationJson.Read<Hello>(bytes)),
        ("Welcome", ReplicationJson.Write(new Welcome(1, "hostB", 500)), bytes => ReplicationJson.Read<Welcome>(bytes)),
        ("Refuse", ReplicationJson.Write(new Refuse("busy", "The guest is received already.")), bytes => ReplicationJson.Read<Refuse>(bytes)),
        ("Bye", ReplicationJson.Write(new Bye("ended")), bytes => ReplicationJson.Read<Bye>(bytes)),
        ("DryStartResult", ReplicationJson.Write(new DryStartResult(false, "no bridge br0", true)), bytes => ReplicationJson.Read<DryStartResult>(bytes)),
        ("BlockList", BlockList.Write(Blocks), bytes => BlockList.Read(bytes)),
        ("HardPages", WriteHardPages(3, [4096, 100, 1]), bytes => ReadHardPages(bytes)),
        ("SoftPages", WriteSoftPages(2, SoftClass.Free, [new SoftRun(0, 1), new SoftRun(77, 1000)]), bytes => ReadSoftPages(bytes)),
        ("DiskPages", WriteDiskPages(2, 1, [new DiskRun(0, 1, 5), new DiskRun(77, 1000, 1 << 20)]), bytes => ReadDiskPages(bytes)),
        ("DeltaPages", WriteDeltaPages(2, [0, 30, 200]), bytes => ReadDeltaPages(bytes)),
        ("ReadHeat", WriteReadHeat(2, 7, [0, 1, 255]), bytes => ReadHeat.Read(bytes)),
        ("EpochTotals", WriteTotals(new EpochTotals(1, 2, 3, 4)), bytes => EpochTotals.Read(bytes)),
    ];

    public static byte[] WriteReadHeat(int block, int firstChunk, byte[] chunks)
    {
        byte[] payload = new byte[ReadHeat.SizeBytes(chunks.Length)];
        ReadHeat.Write(payload, block, firstChunk, chunks);
        return payload;
    }

    public static byte[] WritePreamble()
    {
        byte[] bytes = new byte[Preamble.Bytes];
        Preamble.Write(bytes, GuestUuid);
        return bytes;
    }

    public static byte[] WriteTotals(EpochTotals totals)
    {
        byte[] bytes = new byte[EpochTotals.Bytes];
        totals.Write(bytes);
        return bytes;
    }

    /// <summary>Pages 0, 1, 2 … with stored bytes that all hold the page's index.</summary>
    public static byte[] WriteHardPages(int block, int[] storedLengths)
    {
        byte[] buffer = new byte[HardPagesWriter.MaxBytes];
        var writer = new HardPagesWriter(buffer, block);
        for (int page = 0; page < storedLengths.Length; page++)
        {
            writer.NextPage[..storedLengths[page]].Fill((byte)page);
            writer.Commit((uint)page, storedLengths[page]);
        }
        return buffer[..writer.LengthBytes];
    }

    public static List<(uint Page, byte[] Stored)> ReadHardPages(byte[] payload)
    {
        var reader = new HardPagesReader(payload);
        var pages = new List<(uint, byte[])>();
        while (reader.TryRead(out uint page, out ReadOnlySpan<byte> stored))
        {
            pages.Add((page, stored.ToArray()));
        }
        return pages;
    }

    /// <summary>Pages 0, 1, 2 … with deltas whose bytes all hold the page's index.</summary>
    public static byte[] WriteDeltaPages(int block, int[] deltaLengths)
    {
        var writer = new DeltaPagesWriter();
        for (int page = 0; page < deltaLengths.Length; page++)
        {
            writer.NextDelta[..deltaLengths[page]].Fill((byte)page);
            writer.Commit((uint)page, CheckOf(page), deltaLengths[page]);
        }
        return writer.Take(block).ToArray();
    }

    public static List<(uint Page, ulong Check, byte[] Delta)> ReadDeltaPages(byte[] payload)
    {
        var reader = new DeltaPagesReader(payload);
        var pages = new List<(uint, ulong, byte[])>();
        while (reader.TryRead(out uint page, out ulong check, out ReadOnlySpan<byte> delta))
        {
            pages.Add((page, check, delta.ToArray()));
        }
        return pages;
    }

    public static byte[] WriteSoftPages(int block, SoftClass softClass, SoftRun[] runs)
    {
        byte[] bytes = new byte[SoftPages.SizeBytes(runs.Length)];
        SoftPages.Write(bytes, block, softClass, runs);
        return bytes;
    }

    public static List<SoftRun> ReadSoftPages(byte[] payload)
    {
        int count = SoftPages.ReadHead(payload, out _, out _);
        return [.. Enumerable.Range(0, count).Select(index => SoftPages.ReadRun(payload, index))];
    }

    public static byte[] WriteDiskPages(int block, int disk, DiskRun[] runs)
    {
        ulong[] checks = [.. Enumerable.Range(0, (int)runs.Sum(run => run.PageCount)).Select(page => CheckOf(page))];
        byte[] bytes = new byte[DiskPages.SizeBytes(runs.Length, checks.Length)];
        DiskPages.Write(bytes, block, disk, runs, checks);
        return bytes;
    }

    /// <summary>The check of each page that <see cref="WriteDiskPages"/> and <see cref="WriteDeltaPages"/> write.</summary>
    public static ulong CheckOf(int page) => 0x0102030405060708 + (ulong)page;

    public static List<DiskRun> ReadDiskPages(byte[] payload)
    {
        int count = DiskPages.ReadHead(payload, out _, out _, out _);
        return [.. Enumerable.Range(0, count).Select(index => DiskPages.ReadRun(payload, index))];
    }

    /// <summary>Header and payload as they stand on the wire.</summary>
    public static byte[] WriteRecord(RecordType type, ulong epoch, byte[] payload, bool isOptional = false)
    {
        byte[] record = new byte[RecordHeader.Bytes + payload.Length];
        payload.CopyTo(record, RecordHeader.Bytes);
        RecordHeader.Write(record, type, epoch, payload, isOptional);
        return record;
    }

    /// <summary>Reads a whole record as a receiver does, except that its length is not waited for.</summary>
    public static RecordHeader ReadRecord(byte[] record)
    {
        RecordHeader header = RecordHeader.Parse(record);
        header.Verify(record.AsSpan(0, RecordHeader.Bytes), record.AsSpan(RecordHeader.Bytes));
        return header;
    }
}
