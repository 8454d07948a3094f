// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Text;

namespace Hikae.Protocol.Replication;

/// <summary>The payload of a BlockList record: <c>be16 count, { be32 host page size, be64 used bytes, u8 length, name }*</c>.</summary>
/// <remarks>A block's place in the list is its index in HardPages and SoftPages records until the next list.</remarks>
public static class BlockList
{
    /// <summary>Bytes of the longest list: <see cref="ReplicationLimits.MaxBlocks"/> blocks with the longest names.</summary>
    public const int MaxBytes = HeadBytes + (ReplicationLimits.MaxBlocks * (EntryHeadBytes + ReplicationLimits.MaxBlockNameBytes));

    private const int HeadBytes = 2;
    private const int EntryHeadBytes = 13;

    // Replacing what is not UTF-8 would turn two names into one.
    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Encodes a list. Throws <see cref="ArgumentException"/> on an empty list, on too many blocks, and on names of 0 or above 255 bytes.</summary>
    public static byte[] Write(IReadOnlyList<RamBlockInfo> blocks)
    {
        ArgumentOutOfRangeException.ThrowIfZero(blocks.Count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(blocks.Count, ReplicationLimits.MaxBlocks);
        using var stream = new MemoryStream();
        Span<byte> head = stackalloc byte[EntryHeadBytes];
        BinaryPrimitives.WriteUInt16BigEndian(head, (ushort)blocks.Count);
        stream.Write(head[..HeadBytes]);
        foreach (RamBlockInfo block in blocks)
        {
            byte[] name = s_strictUtf8.GetBytes(block.Name);
            ArgumentOutOfRangeException.ThrowIfZero(name.Length);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(name.Length, ReplicationLimits.MaxBlockNameBytes);
            BinaryPrimitives.WriteInt32BigEndian(head, block.PageSizeBytes);
            BinaryPrimitives.WriteInt64BigEndian(head[4..], block.UsedBytes);
            head[12] = (byte)name.Length;
            stream.Write(head);
            stream.Write(name);
        }
        return stream.ToArray();
    }

    /// <summary>Decodes a list. Throws <see cref="ReplicationProtocolException"/> on cut input, unaligned sizes, empty or double names, or a guest above the limit.</summary>
    public static IReadOnlyList<RamBlockInfo> Read(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < HeadBytes)
        {
            throw new ReplicationProtocolException("BlockList record is cut in its count.");
        }
        int count = BinaryPrimitives.ReadUInt16BigEndian(payload);
        if (count is 0 or > ReplicationLimits.MaxBlocks)
        {
            throw new ReplicationProtocolException($"BlockList record names {count} blocks, allowed are 1 to {ReplicationLimits.MaxBlocks}.");
        }
        payload = payload[HeadBytes..];
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
            string name = ReadName(payload.Slice(EntryHeadBytes, nameLength), i);
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

    private static string ReadName(ReadOnlySpan<byte> bytes, int entry)
    {
        if (bytes.IsEmpty)
        {
            throw new ReplicationProtocolException($"RAM block {entry} has no name.");
        }
        try
        {
            return s_strictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw new ReplicationProtocolException($"RAM block {entry} has a name that is not UTF-8: {Convert.ToHexString(bytes)}.");
        }
    }
}
