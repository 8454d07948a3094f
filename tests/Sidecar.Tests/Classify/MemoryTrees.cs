// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Classify;
using Xunit;

namespace Hikae.Sidecar.Tests.Classify;

/// <summary>What QEMU prints for some guests.</summary>
internal static class MemoryTrees
{
    /// <summary>QEMU 7.2, q35 with 3 GiB in a memfd, as recorded; input/output ranges left out.</summary>
    internal const string Q35With3GiB = """
        FlatView #0
         AS "cpu-smm-0", root: memory
         Root memory region: memory
          0000000000000000-00000000000bffff (prio 0, ram): pc.ram
          0000000000100000-000000007fffffff (prio 0, ram): pc.ram @0000000000100000

        FlatView #1
         AS "I/O", root: io
         Root memory region: io
          0000000000000000-0000000000000007 (prio 0, i/o): dma-chan

        FlatView #2
         AS "memory", root: system
         AS "cpu-memory-0", root: system
         Root memory region: system
          0000000000000000-00000000000bffff (prio 0, ram): pc.ram
          00000000000c0000-00000000000dffff (prio 1, rom): pc.rom
          00000000000e0000-00000000000fffff (prio 0, rom): pc.bios @0000000000020000
          0000000000100000-000000007fffffff (prio 0, ram): pc.ram @0000000000100000
          00000000e0000000-00000000e00fffff (prio 1, romd): flash
          00000000fffc0000-00000000ffffffff (prio 0, rom): pc.bios
          0000000100000000-000000013fffffff (prio 0, ram): pc.ram @0000000080000000 KVM

        FlatView #3
         AS "mch", root: bus master container
         Root memory region: (none)
          No rendered FlatView
        """;

    internal static readonly RamBlockInfo[] Q35Blocks =
        [new("pc.bios", 256 * 1024, 4096), new("pc.ram", 3L << 30, 4096), new("pc.rom", 128 * 1024, 4096)];

    internal static string System(params string[] lines) =>
        "FlatView #0\n AS \"memory\", root: system\n Root memory region: system\n  " + string.Join("\n  ", lines) + "\n";

    /// <summary>A guest of 1 MiB in one block, all of it RAM from page frame 0.</summary>
    internal static GuestMemoryMap Small() => Parse(System("0000000000000000-00000000000fffff (prio 0, ram): ram"), new RamBlockInfo("ram", 1 << 20, 4096));

    internal static GuestMemoryMap Parse(string text, params RamBlockInfo[] blocks)
    {
        Assert.True(GuestMemoryMap.TryParse(text, blocks, out GuestMemoryMap? map, out string reason), reason);
        return map!;
    }
}
