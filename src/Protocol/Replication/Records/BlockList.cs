// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Text;

namespace Hikae.Protocol.Replication;

/// <summary>The payload of a BlockList record: <c>be16 count, { be32 host page size, be64 used bytes, u8 length, name }*</c>.</summary>
public static class BlockList
{
    private const int EntryHeadBytes = 13;

    /// <summary>Encodes a list.</summary>
    public static byte[] Write(IReadOnlyList<RamBlockInfo> blocks)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(blocks.Count, ReplicationLimits.MaxBlocks);
        using var stream = new MemoryStream();
        Span<byte> head = stackalloc byte[EntryHeadBytes];
        BinaryPrimitives.WriteUInt16BigEndian(head, (ushort)blocks.Count);
        stream.Write(head[..2]);
        foreach (RamBlockInfo block in blocks)
        {
            byte[] name = Encoding.UTF8.GetBytes(block.Name);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(name.Length, ReplicationLimits.MaxBlockNameBytes);
            BinaryPrimitives.WriteInt32BigEndian(head, block.PageSizeBytes);
            BinaryPrimitives.WriteInt64BigEndian(head[4..], block.UsedBytes);
            head[12] = (byte)name.Length;
            stream.Write(head);
            stream.Write(name);
        }
        return stream.ToArray();
    }

    /// <summary>Decodes a list. Throws <see cref="ReplicationProtocolException"/> on cut input, unaligned sizes, double names, or a guest above the limit.</summary>
    public static IReadOnlyList<RamBlockInfo> Read(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < 2)
        {
            throw new ReplicationProtocolException("BlockList record is cut in its count.");
        }
        int count = BinaryPrimitives.ReadUInt16BigEndian(payload);
        if (count is 0 or > ReplicationLimits.MaxBlocks)
        {
            throw new ReplicationProtocolException($"BlockList record names {count} blocks, allowed are 1 to {ReplicationLimits.MaxBlocks}.");
        }
        payload = payload[2..];
        var blocks = new List<RamBlockInfo>(count);
        var names = new HashSet<string>(StringComparer.Ordinal);
        long totalBytes = 0;
        for (int i = 0; i < count; i++)
        {
            if (payload.Length < EntryHeadBytes || payload.Length < EntryHeadBytes + payload[12])
            {
                throw new ReplicationProtocolException($"BlockList record is cut in entry {i}.");
            }
            int pageSize = BinaryPrimitives.ReadInt32BigEndian(payload);
            long used = BinaryPrimitives.ReadInt64BigEndian(payload[4..]);
            int nameLength = payload[12];
            string name = Encoding.UTF8.GetString(payload.Slice(EntryHeadBytes, nameLength));
            payload = payload[(EntryHeadBytes + nameLength)..];

            // The running total is compared by subtraction, so that it cannot overflow.
            if (used <= 0 || used % ReplicationLimits.PageBytes != 0 || used > ReplicationLimits.MaxGuestBytes - totalBytes)
            {
                throw new ReplicationProtocolException($"RAM block {i} has {used} bytes: not whole pages, or the guest is above {ReplicationLimits.MaxGuestBytes} bytes.");
            }
            if (pageSize < ReplicationLimits.PageBytes || (pageSize & (pageSize - 1)) != 0)
            {
                throw new ReplicationProtocolException($"RAM block {i} has a host page size of {pageSize}.");
            }
            if (!names.Add(name))
            {
                throw new ReplicationProtocolException($"RAM block name \"{name}\" comes twice.");
            }
            totalBytes += used;
            blocks.Add(new RamBlockInfo(name, used, pageSize));
        }
        if (!payload.IsEmpty)
        {
            throw new ReplicationProtocolException($"BlockList record has {payload.Length} bytes after its last entry.");
        }
        return blocks;
    }
}
