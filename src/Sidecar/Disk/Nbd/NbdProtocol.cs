// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Nbd;

/// <summary>The numbers of the NBD protocol, spelled as in its doc/proto.md. All on the wire in network byte order.</summary>
internal static class NbdProtocol
{
    internal const ulong NBDMAGIC = 0x4e42444d41474943;
    internal const ulong IHAVEOPT = 0x49484156454f5054;
    internal const ulong NBD_REP_MAGIC = 0x3e889045565a9;
    internal const uint NBD_REQUEST_MAGIC = 0x25609513;
    internal const uint NBD_SIMPLE_REPLY_MAGIC = 0x67446698;
    internal const uint NBD_STRUCTURED_REPLY_MAGIC = 0x668e33ef;

    internal const ushort NBD_FLAG_FIXED_NEWSTYLE = 1 << 0;
    internal const ushort NBD_FLAG_NO_ZEROES = 1 << 1;
    internal const uint NBD_FLAG_C_FIXED_NEWSTYLE = 1 << 0;
    internal const uint NBD_FLAG_C_NO_ZEROES = 1 << 1;

    internal const uint NBD_OPT_EXPORT_NAME = 1;
    internal const uint NBD_OPT_ABORT = 2;
    internal const uint NBD_OPT_LIST = 3;
    internal const uint NBD_OPT_INFO = 6;
    internal const uint NBD_OPT_GO = 7;
    internal const uint NBD_OPT_STRUCTURED_REPLY = 8;
    internal const uint NBD_OPT_LIST_META_CONTEXT = 9;
    internal const uint NBD_OPT_SET_META_CONTEXT = 10;

    internal const uint NBD_REP_ACK = 1;
    internal const uint NBD_REP_SERVER = 2;
    internal const uint NBD_REP_INFO = 3;
    internal const uint NBD_REP_META_CONTEXT = 4;
    internal const uint NBD_REP_ERR_UNSUP = (1u << 31) + 1;
    internal const uint NBD_REP_ERR_INVALID = (1u << 31) + 3;
    internal const uint NBD_REP_ERR_UNKNOWN = (1u << 31) + 6;
    internal const uint NBD_REP_ERR_TOO_BIG = (1u << 31) + 9;

    internal const ushort NBD_INFO_EXPORT = 0;
    internal const ushort NBD_INFO_NAME = 1;
    internal const ushort NBD_INFO_BLOCK_SIZE = 3;

    internal const ushort NBD_FLAG_HAS_FLAGS = 1 << 0;
    internal const ushort NBD_FLAG_SEND_FLUSH = 1 << 2;
    internal const ushort NBD_FLAG_SEND_FUA = 1 << 3;
    internal const ushort NBD_FLAG_SEND_TRIM = 1 << 5;
    internal const ushort NBD_FLAG_SEND_WRITE_ZEROES = 1 << 6;
    internal const ushort NBD_FLAG_SEND_DF = 1 << 7;
    internal const ushort NBD_FLAG_CAN_MULTI_CONN = 1 << 8;

    internal const ushort NBD_CMD_READ = 0;
    internal const ushort NBD_CMD_WRITE = 1;
    internal const ushort NBD_CMD_DISC = 2;
    internal const ushort NBD_CMD_FLUSH = 3;
    internal const ushort NBD_CMD_TRIM = 4;
    internal const ushort NBD_CMD_WRITE_ZEROES = 6;
    internal const ushort NBD_CMD_BLOCK_STATUS = 7;

    internal const ushort NBD_CMD_FLAG_FUA = 1 << 0;
    internal const ushort NBD_CMD_FLAG_NO_HOLE = 1 << 1;
    internal const ushort NBD_CMD_FLAG_DF = 1 << 2;
    internal const ushort NBD_CMD_FLAG_REQ_ONE = 1 << 3;

    internal const ushort NBD_REPLY_FLAG_DONE = 1 << 0;
    internal const ushort NBD_REPLY_TYPE_OFFSET_DATA = 1;
    internal const ushort NBD_REPLY_TYPE_BLOCK_STATUS = 5;
    internal const ushort NBD_REPLY_TYPE_ERROR = (1 << 15) + 1;

    internal const uint NBD_STATE_HOLE = 1 << 0;
    internal const uint NBD_STATE_ZERO = 1 << 1;

    internal const uint NBD_EPERM = 1;
    internal const uint NBD_EIO = 5;
    internal const uint NBD_ENOMEM = 12;
    internal const uint NBD_EINVAL = 22;
    internal const uint NBD_ENOSPC = 28;
    internal const uint NBD_ESHUTDOWN = 108;
}
