// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using static Hikae.Sidecar.Disk.Nbd.NbdProtocol;

namespace Hikae.Sidecar.Disk.Nbd;

/// <summary>A request's header: be32 magic, be16 flags, be16 type, be64 cookie, be64 offset, be32 length.</summary>
internal readonly record struct NbdRequest(ushort Flags, ushort Type, ulong Cookie, ulong Offset, uint Length)
{
    /// <summary>Bytes on the wire, without a WRITE's data.</summary>
    public const int HeaderBytes = 28;

    /// <summary>Reply only when it is durable.</summary>
    public bool IsFua => (Flags & NBD_CMD_FLAG_FUA) != 0;

    /// <summary>This much data follows the header.</summary>
    public uint PayloadBytes => Type == NBD_CMD_WRITE ? Length : 0;

    /// <exception cref="NbdProtocolException">It does not begin as a request does.</exception>
    public static NbdRequest Read(ReadOnlySpan<byte> header)
    {
        uint magic = BinaryPrimitives.ReadUInt32BigEndian(header);
        return magic == NBD_REQUEST_MAGIC
            ? new NbdRequest(
                BinaryPrimitives.ReadUInt16BigEndian(header[4..]),
                BinaryPrimitives.ReadUInt16BigEndian(header[6..]),
                BinaryPrimitives.ReadUInt64BigEndian(header[8..]),
                BinaryPrimitives.ReadUInt64BigEndian(header[16..]),
                BinaryPrimitives.ReadUInt32BigEndian(header[24..]))
            : throw new NbdProtocolException($"a request begins with 0x{magic:x}");
    }

    /// <summary>0, or the error with which it is answered without looking any further.</summary>
    public uint Refusal(long exportBytes, bool hasContext)
    {
        ushort allowed = Type switch
        {
            NBD_CMD_READ => NBD_CMD_FLAG_DF | NBD_CMD_FLAG_FUA,
            NBD_CMD_WRITE_ZEROES => NBD_CMD_FLAG_NO_HOLE | NBD_CMD_FLAG_FUA,
            NBD_CMD_BLOCK_STATUS => NBD_CMD_FLAG_REQ_ONE | NBD_CMD_FLAG_FUA,
            _ => NBD_CMD_FLAG_FUA,
        };
        if ((Flags & ~allowed) != 0)
        {
            return NBD_EINVAL;
        }

        bool fits = Offset <= (ulong)exportBytes && Length <= (ulong)exportBytes - Offset;
        return Type switch
        {
            NBD_CMD_FLUSH => Offset == 0 && Length == 0 ? 0 : NBD_EINVAL,
            NBD_CMD_READ => Length is > 0 and <= NbdLimits.MaxPayloadBytes && fits ? 0 : NBD_EINVAL,
            NBD_CMD_WRITE => Length is 0 or > NbdLimits.MaxPayloadBytes ? NBD_EINVAL : fits ? 0 : NBD_ENOSPC,
            NBD_CMD_WRITE_ZEROES => Length == 0 ? NBD_EINVAL : fits ? 0 : NBD_ENOSPC,
            NBD_CMD_TRIM => Length > 0 && fits ? 0 : NBD_EINVAL,
            NBD_CMD_BLOCK_STATUS => hasContext && Length > 0 && fits ? 0 : NBD_EINVAL,
            _ => NBD_EINVAL,
        };
    }
}
