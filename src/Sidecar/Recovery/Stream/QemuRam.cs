// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Recovery.Stream;

/// <summary>The numbers of QEMU's RAM stream, spelled as in QEMU's migration/ram.c and migration/savevm.c.</summary>
internal static class QemuRam
{
    internal const int TARGET_PAGE_BITS = 12;
    internal const int TARGET_PAGE_SIZE = 1 << TARGET_PAGE_BITS;

    internal const ulong RAM_SAVE_FLAG_ZERO = 0x02;
    internal const ulong RAM_SAVE_FLAG_MEM_SIZE = 0x04;
    internal const ulong RAM_SAVE_FLAG_PAGE = 0x08;
    internal const ulong RAM_SAVE_FLAG_EOS = 0x10;
    internal const ulong RAM_SAVE_FLAG_CONTINUE = 0x20;

    /// <summary>The name and version of the "ram" section (register_savevm_live in ram_mig_init).</summary>
    internal const string SectionName = "ram";
    internal const uint SectionInstance = 0;
    internal const uint SectionVersion = 4;

    /// <summary>postcopy_ram_discard_version in savevm.c.</summary>
    internal const byte PostcopyRamDiscardVersion = 0;
}
