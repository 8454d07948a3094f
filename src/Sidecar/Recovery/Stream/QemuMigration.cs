// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Recovery.Stream;

/// <summary>The numbers of a migration stream, spelled as in QEMU's migration/savevm.h, savevm.c and migration.h.</summary>
internal static class QemuMigration
{
    internal const uint QEMU_VM_FILE_MAGIC = 0x5145564d;
    internal const uint QEMU_VM_FILE_VERSION = 3;

    internal const byte QEMU_VM_EOF = 0x00;
    internal const byte QEMU_VM_SECTION_START = 0x01;
    internal const byte QEMU_VM_SECTION_PART = 0x02;
    internal const byte QEMU_VM_SECTION_END = 0x03;
    internal const byte QEMU_VM_VMDESCRIPTION = 0x06;
    internal const byte QEMU_VM_CONFIGURATION = 0x07;
    internal const byte QEMU_VM_COMMAND = 0x08;
    internal const byte QEMU_VM_SECTION_FOOTER = 0x7e;

    internal const ushort MIG_CMD_OPEN_RETURN_PATH = 1;
    internal const ushort MIG_CMD_POSTCOPY_ADVISE = 3;
    internal const ushort MIG_CMD_POSTCOPY_LISTEN = 4;
    internal const ushort MIG_CMD_POSTCOPY_RUN = 5;
    internal const ushort MIG_CMD_POSTCOPY_RAM_DISCARD = 6;
    internal const ushort MIG_CMD_PACKAGED = 7;

    internal const ushort MIG_RP_MSG_SHUT = 1;
    internal const ushort MIG_RP_MSG_PONG = 2;
    internal const ushort MIG_RP_MSG_REQ_PAGES_ID = 3;
    internal const ushort MIG_RP_MSG_REQ_PAGES = 4;
    internal const ushort MIG_RP_MSG_RECV_BITMAP = 5;
    internal const ushort MIG_RP_MSG_RESUME_ACK = 6;
    internal const ushort MIG_RP_MSG_SWITCHOVER_ACK = 7;

    /// <summary>MAX_VM_CMD_PACKAGED_SIZE in savevm.h: QEMU refuses a longer package.</summary>
    internal const int MAX_VM_CMD_PACKAGED_SIZE = 1 << 24;
}
