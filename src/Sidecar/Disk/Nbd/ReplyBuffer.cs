// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers;
using System.Buffers.Binary;
using static Hikae.Sidecar.Disk.Nbd.NbdProtocol;

namespace Hikae.Sidecar.Disk.Nbd;

/// <summary>Replies on their way to one client. Belongs to one thread.</summary>
/// <param name="structured">The client negotiated structured replies.</param>
internal sealed class ReplyBuffer(bool structured) : IDisposable
{
    private const int SimpleBytes = 16;
    private const int ChunkBytes = 20;

    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(NbdLimits.ReceiveBytes);
    private int _filled;

    /// <summary>What is to be sent.</summary>
    public ReadOnlySpan<byte> Pending => _bytes.AsSpan(0, _filled);

    /// <summary>Bytes that a reply to a READ has before its data.</summary>
    public int DataHeaderBytes => structured ? ChunkBytes + sizeof(ulong) : SimpleBytes;

    /// <summary>There is so much that it should be sent before more is added.</summary>
    public bool IsFull(int nextBytes) => _filled > 0 && _filled + nextBytes > NbdLimits.ReceiveBytes;

    /// <summary>All was sent.</summary>
    public void Clear()
    {
        _filled = 0;
        if (_bytes.Length > NbdLimits.KeptBytes)
        {
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = ArrayPool<byte>.Shared.Rent(NbdLimits.ReceiveBytes);
        }
    }

    /// <summary>Success, without data.</summary>
    public void AddDone(ulong cookie) => WriteSimple(Take(SimpleBytes), 0, cookie);

    /// <summary>No success.</summary>
    public void AddError(ulong cookie, uint error)
    {
        if (!structured)
        {
            WriteSimple(Take(SimpleBytes), error, cookie);
            return;
        }

        Span<byte> chunk = Take(ChunkBytes + 6);
        WriteChunk(chunk, NBD_REPLY_TYPE_ERROR, cookie, 6);
        BinaryPrimitives.WriteUInt32BigEndian(chunk[ChunkBytes..], error);
        BinaryPrimitives.WriteUInt16BigEndian(chunk[(ChunkBytes + 4)..], 0);
    }

    /// <summary>Makes room for a READ's data and answers it: fill it in, then <see cref="CompleteData"/>; when that fails just go on with another reply.</summary>
    public Span<byte> BeginData(int lengthBytes) => Reserve(DataHeaderBytes + lengthBytes)[DataHeaderBytes..];

    /// <summary>The data of <see cref="BeginData"/> are in place.</summary>
    public void CompleteData(ulong cookie, ulong offset, int lengthBytes)
    {
        Span<byte> header = Take(DataHeaderBytes + lengthBytes);
        if (structured)
        {
            WriteChunk(header, NBD_REPLY_TYPE_OFFSET_DATA, cookie, (uint)lengthBytes + sizeof(ulong));
            BinaryPrimitives.WriteUInt64BigEndian(header[ChunkBytes..], offset);
        }
        else
        {
            WriteSimple(header, 0, cookie);
        }
    }

    /// <summary>What is allocated.</summary>
    public void AddExtents(ulong cookie, uint context, List<NbdExtent> extents)
    {
        int payload = sizeof(uint) + (extents.Count * 2 * sizeof(uint));
        Span<byte> chunk = Take(ChunkBytes + payload);
        WriteChunk(chunk, NBD_REPLY_TYPE_BLOCK_STATUS, cookie, (uint)payload);
        BinaryPrimitives.WriteUInt32BigEndian(chunk[ChunkBytes..], context);
        Span<byte> next = chunk[(ChunkBytes + sizeof(uint))..];
        foreach (NbdExtent extent in extents)
        {
            BinaryPrimitives.WriteUInt32BigEndian(next, extent.Length);
            BinaryPrimitives.WriteUInt32BigEndian(next[sizeof(uint)..], extent.State);
            next = next[(2 * sizeof(uint))..];
        }
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
        _filled = 0;
    }

    private static void WriteSimple(Span<byte> reply, uint error, ulong cookie)
    {
        BinaryPrimitives.WriteUInt32BigEndian(reply, NBD_SIMPLE_REPLY_MAGIC);
        BinaryPrimitives.WriteUInt32BigEndian(reply[4..], error);
        BinaryPrimitives.WriteUInt64BigEndian(reply[8..], cookie);
    }

    private static void WriteChunk(Span<byte> chunk, ushort type, ulong cookie, uint payloadBytes)
    {
        BinaryPrimitives.WriteUInt32BigEndian(chunk, NBD_STRUCTURED_REPLY_MAGIC);
        BinaryPrimitives.WriteUInt16BigEndian(chunk[4..], NBD_REPLY_FLAG_DONE);
        BinaryPrimitives.WriteUInt16BigEndian(chunk[6..], type);
        BinaryPrimitives.WriteUInt64BigEndian(chunk[8..], cookie);
        BinaryPrimitives.WriteUInt32BigEndian(chunk[16..], payloadBytes);
    }

    private Span<byte> Take(int bytes)
    {
        Span<byte> taken = Reserve(bytes);
        _filled += bytes;
        return taken;
    }

    private Span<byte> Reserve(int bytes)
    {
        if (_bytes.Length - _filled < bytes)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(_filled + bytes);
            Pending.CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = larger;
        }

        return _bytes.AsSpan(_filled, bytes);
    }
}
