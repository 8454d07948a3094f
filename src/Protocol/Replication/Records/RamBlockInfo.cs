// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Replication;

/// <summary>One of QEMU's RAM blocks, as both hosts know it.</summary>
/// <param name="Name">QEMU's idstr, at most 255 bytes of UTF-8: "pc.ram", "/rom@etc/acpi/tables".</param>
/// <param name="UsedBytes">Used length in bytes, a multiple of 4096.</param>
/// <param name="PageSizeBytes">Host page size behind the block: 4096, or a huge page's size.</param>
public readonly record struct RamBlockInfo(string Name, long UsedBytes, int PageSizeBytes)
{
    /// <summary>Number of 4 KiB pages.</summary>
    public long PageCount => UsedBytes / ReplicationLimits.PageBytes;
}
