// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Text;
using Hikae.Native.Linux;
using static Hikae.Sidecar.Disk.Nbd.NbdProtocol;

namespace Hikae.Sidecar.Disk.Nbd;

/// <summary>The server's side of fixed newstyle negotiation.</summary>
/// <remarks>
/// The server greets, the client answers with its flags and then sends options one by one until GO or EXPORT_NAME begins the transmission,
/// or ABORT ends it. What a client may not do ends in an error reply where the protocol has one, and in <see cref="NbdProtocolException"/>
/// where it has none.
/// </remarks>
internal sealed class NbdHandshake(AcceptedSocket socket, INbdExport export)
{
    /// <summary>base:allocation's number in replies.</summary>
    public const uint AllocationContext = 1;

    private const int OptionHeaderBytes = 16;
    private const int UnusedBytes = 124;
    private const ushort HandshakeFlags = NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES;

    private static readonly byte[] AllocationName = [.. "base:allocation"u8];

    private readonly byte[] _data = new byte[NbdLimits.MaxOptionBytes];
    private bool _noZeroes;

    /// <summary>The client wants structured replies.</summary>
    public bool HasStructuredReplies { get; private set; }

    /// <summary>The client may ask for BLOCK_STATUS.</summary>
    public bool HasAllocationContext { get; private set; }

    /// <summary>True: transmission begins. False: the client wanted no more than to look.</summary>
    public bool Run()
    {
        Span<byte> greeting = stackalloc byte[18];
        BinaryPrimitives.WriteUInt64BigEndian(greeting, NBDMAGIC);
        BinaryPrimitives.WriteUInt64BigEndian(greeting[8..], IHAVEOPT);
        BinaryPrimitives.WriteUInt16BigEndian(greeting[16..], HandshakeFlags);
        socket.Send(greeting);

        Span<byte> answer = stackalloc byte[4];
        Receive(answer);
        uint flags = BinaryPrimitives.ReadUInt32BigEndian(answer);
        if ((flags & ~(NBD_FLAG_C_FIXED_NEWSTYLE | NBD_FLAG_C_NO_ZEROES)) != 0)
        {
            throw new NbdProtocolException($"client flags 0x{flags:x}");
        }

        _noZeroes = (flags & NBD_FLAG_C_NO_ZEROES) != 0;
        for (int i = 0; i < NbdLimits.MaxOptions; i++)
        {
            if (ReadOption() is bool begins)
            {
                return begins;
            }
        }

        throw new NbdProtocolException($"more than {NbdLimits.MaxOptions} options");
    }

    // Null: the next one.
    private bool? ReadOption()
    {
        Span<byte> header = stackalloc byte[OptionHeaderBytes];
        Receive(header);
        ulong magic = BinaryPrimitives.ReadUInt64BigEndian(header);
        if (magic != IHAVEOPT)
        {
            throw new NbdProtocolException($"an option begins with 0x{magic:x}");
        }

        uint option = BinaryPrimitives.ReadUInt32BigEndian(header[8..]);
        uint length = BinaryPrimitives.ReadUInt32BigEndian(header[12..]);
        if (length > NbdLimits.MaxOptionBytes)
        {
            throw new NbdProtocolException($"option {option} has {length} bytes of data");
        }

        Span<byte> data = _data.AsSpan(0, (int)length);
        Receive(data);
        switch (option)
        {
            case NBD_OPT_EXPORT_NAME:
                if (!IsOurName(data))
                {
                    throw new NbdProtocolException("an export that does not exist");
                }

                SendOldInfo();
                return true;
            case NBD_OPT_ABORT:
                Reply(option, NBD_REP_ACK);
                return false;
            case NBD_OPT_LIST:
                List(option, data);
                return null;
            case NBD_OPT_INFO or NBD_OPT_GO:
                return Info(option, data) && option == NBD_OPT_GO ? true : null;
            case NBD_OPT_STRUCTURED_REPLY:
                HasStructuredReplies |= data.IsEmpty;
                Reply(option, data.IsEmpty ? NBD_REP_ACK : NBD_REP_ERR_INVALID);
                return null;
            case NBD_OPT_LIST_META_CONTEXT or NBD_OPT_SET_META_CONTEXT:
                Contexts(option, data);
                return null;
            default:
                Reply(option, NBD_REP_ERR_UNSUP);
                return null;
        }
    }

    private void List(uint option, ReadOnlySpan<byte> data)
    {
        if (!data.IsEmpty)
        {
            Reply(option, NBD_REP_ERR_INVALID);
            return;
        }

        byte[] name = Encoding.UTF8.GetBytes(export.Name);
        byte[] server = new byte[sizeof(uint) + name.Length];
        BinaryPrimitives.WriteUInt32BigEndian(server, (uint)name.Length);
        name.CopyTo(server, sizeof(uint));
        Reply(option, NBD_REP_SERVER, server);
        Reply(option, NBD_REP_ACK);
    }

    // be32 name length, name, be16 count, count times be16 information request.
    private bool Info(uint option, ReadOnlySpan<byte> data)
    {
        if (!TryReadString(ref data, out ReadOnlySpan<byte> name) || data.Length < sizeof(ushort)
            || data.Length != sizeof(ushort) + (BinaryPrimitives.ReadUInt16BigEndian(data) * sizeof(ushort)))
        {
            Reply(option, NBD_REP_ERR_INVALID);
            return false;
        }

        if (!IsOurName(name))
        {
            Reply(option, NBD_REP_ERR_UNKNOWN);
            return false;
        }

        Span<byte> information = stackalloc byte[14];
        for (data = data[sizeof(ushort)..]; !data.IsEmpty; data = data[sizeof(ushort)..])
        {
            ushort wanted = BinaryPrimitives.ReadUInt16BigEndian(data);
            BinaryPrimitives.WriteUInt16BigEndian(information, wanted);
            if (wanted == NBD_INFO_BLOCK_SIZE)
            {
                BinaryPrimitives.WriteUInt32BigEndian(information[2..], 1);
                BinaryPrimitives.WriteUInt32BigEndian(information[6..], 4096);
                BinaryPrimitives.WriteUInt32BigEndian(information[10..], NbdLimits.MaxPayloadBytes);
                Reply(option, NBD_REP_INFO, information);
            }
            else if (wanted == NBD_INFO_NAME)
            {
                Reply(option, NBD_REP_INFO, [.. information[..2], .. Encoding.UTF8.GetBytes(export.Name)]);
            }
        }

        BinaryPrimitives.WriteUInt16BigEndian(information, NBD_INFO_EXPORT);
        BinaryPrimitives.WriteUInt64BigEndian(information[2..], (ulong)export.SizeBytes);
        BinaryPrimitives.WriteUInt16BigEndian(information[10..], TransmissionFlags());
        Reply(option, NBD_REP_INFO, information[..12]);
        Reply(option, NBD_REP_ACK);
        return true;
    }

    // be32 name length, name, be32 count, count times be32 query length, query.
    private void Contexts(uint option, ReadOnlySpan<byte> data)
    {
        bool isSet = option == NBD_OPT_SET_META_CONTEXT;
        HasAllocationContext &= !isSet;
        if (!HasStructuredReplies || !TryReadString(ref data, out ReadOnlySpan<byte> name) || data.Length < sizeof(uint))
        {
            Reply(option, NBD_REP_ERR_INVALID);
            return;
        }

        uint queries = BinaryPrimitives.ReadUInt32BigEndian(data);
        data = data[sizeof(uint)..];

        // Without a query LIST asks for all there is, SET for none.
        bool selected = !isSet && queries == 0;
        for (uint i = 0; i < queries; i++)
        {
            if (!TryReadString(ref data, out ReadOnlySpan<byte> query))
            {
                Reply(option, NBD_REP_ERR_INVALID);
                return;
            }

            selected |= query.SequenceEqual(AllocationName) || (!isSet && query.SequenceEqual("base:"u8));
        }

        if (!data.IsEmpty)
        {
            Reply(option, NBD_REP_ERR_INVALID);
            return;
        }

        if (!IsOurName(name))
        {
            Reply(option, NBD_REP_ERR_UNKNOWN);
            return;
        }

        if (selected)
        {
            byte[] context = new byte[sizeof(uint) + AllocationName.Length];
            BinaryPrimitives.WriteUInt32BigEndian(context, isSet ? AllocationContext : 0);
            AllocationName.CopyTo(context, sizeof(uint));
            Reply(option, NBD_REP_META_CONTEXT, context);
            HasAllocationContext |= isSet;
        }

        Reply(option, NBD_REP_ACK);
    }

    private void SendOldInfo()
    {
        Span<byte> info = stackalloc byte[10 + UnusedBytes];
        info.Clear();
        BinaryPrimitives.WriteUInt64BigEndian(info, (ulong)export.SizeBytes);
        BinaryPrimitives.WriteUInt16BigEndian(info[8..], TransmissionFlags());
        socket.Send(_noZeroes ? info[..10] : info);
    }

    private ushort TransmissionFlags() => (ushort)(NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH | NBD_FLAG_SEND_FUA | NBD_FLAG_SEND_TRIM
        | NBD_FLAG_SEND_WRITE_ZEROES | NBD_FLAG_CAN_MULTI_CONN | (HasStructuredReplies ? NBD_FLAG_SEND_DF : 0));

    private bool IsOurName(ReadOnlySpan<byte> name) => name.IsEmpty || name.SequenceEqual(Encoding.UTF8.GetBytes(export.Name));

    private static bool TryReadString(ref ReadOnlySpan<byte> data, out ReadOnlySpan<byte> text)
    {
        text = default;
        if (data.Length < sizeof(uint))
        {
            return false;
        }

        uint length = BinaryPrimitives.ReadUInt32BigEndian(data);
        if (length > NbdLimits.MaxNameBytes || length > data.Length - sizeof(uint))
        {
            return false;
        }

        text = data.Slice(sizeof(uint), (int)length);
        data = data[(sizeof(uint) + (int)length)..];
        return true;
    }

    private void Reply(uint option, uint type, ReadOnlySpan<byte> data = default)
    {
        byte[] reply = new byte[20 + data.Length];
        BinaryPrimitives.WriteUInt64BigEndian(reply, NBD_REP_MAGIC);
        BinaryPrimitives.WriteUInt32BigEndian(reply.AsSpan(8), option);
        BinaryPrimitives.WriteUInt32BigEndian(reply.AsSpan(12), type);
        BinaryPrimitives.WriteUInt32BigEndian(reply.AsSpan(16), (uint)data.Length);
        data.CopyTo(reply.AsSpan(20));
        socket.Send(reply);
    }

    private void Receive(Span<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int received = socket.Receive(bytes);
            if (received == 0)
            {
                throw new EndOfStreamException("the client left in the handshake");
            }

            bytes = bytes[received..];
        }
    }
}
