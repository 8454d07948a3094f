// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Capture;
using Xunit;

namespace Hikae.Sidecar.Tests.Capture;

/// <summary>The table as QEMU 10.0 prints it (system/physmem.c, ram_block_format).</summary>
public sealed class RamBlockTableTests
{
    private const string Head =
        "              Block Name    PSize              Offset               Used              Total                HVA  RO\n";

    private const string Q35 = Head
        + "                  pc.ram    4 KiB  0x0000000000000000 0x0000000010000000 0x0000000010000000 0x00007f1d4be00000  rw\n"
        + "  0000:00:01.0/vga.vram    4 KiB  0x0000000010080000 0x0000000001000000 0x0000000001000000 0x00007f1d49e00000  rw\n"
        + "    /rom@etc/acpi/tables    4 KiB  0x0000000011100000 0x0000000000020000 0x0000000000200000 0x00007f1d49400000  ro\n"
        + "                 pc.bios    4 KiB  0x0000000010000000 0x0000000000040000 0x0000000000040000 0x00007f1d5c400000  ro\n"
        + "   /rom@etc/table-loader    4 KiB  0x0000000011300000 0x0000000000001000 0x0000000000010000 0x00007f1d49200000  ro\n";

    [Fact]
    public void Blocks_keep_the_order_lengths_and_addresses_of_the_table()
    {
        IReadOnlyList<RamBlock> blocks = RamBlockTable.Parse(Q35);

        Assert.Equal(
            ["pc.ram", "0000:00:01.0/vga.vram", "/rom@etc/acpi/tables", "pc.bios", "/rom@etc/table-loader"],
            blocks.Select(block => block.Info.Name));
        Assert.Equal([0x10000000, 0x1000000, 0x20000, 0x40000, 0x1000], blocks.Select(block => block.Info.UsedBytes));
        Assert.Equal(0x00007f1d4be00000UL, blocks[0].HostAddress);
        Assert.All(blocks, block => Assert.Equal(4096, block.Info.PageSizeBytes));
    }

    [Theory]
    [InlineData("my block with spaces")]
    [InlineData("4 KiB")]
    [InlineData("0x1000 rw")]
    [InlineData("a/very/long/name/that/is/wider/than/its/column/of/twenty/four")]
    public void A_name_may_hold_anything(string name)
    {
        IReadOnlyList<RamBlock> blocks = RamBlockTable.Parse(
            $"{Head}{name,24}    4 KiB  0x0000000000000000 0x0000000000002000 0x0000000000002000 0x00007f1d4be00000  rw\n");

        Assert.Equal(name, Assert.Single(blocks).Info.Name);
    }

    [Theory]
    [InlineData("4 KiB", 4096)]
    [InlineData("2 MiB", 2 << 20)]
    [InlineData("1 GiB", 1 << 30)]
    public void The_page_size_is_read_with_its_unit(string size, int bytes)
    {
        IReadOnlyList<RamBlock> blocks = RamBlockTable.Parse(
            $"{Head}                  pc.ram {size,8}  0x0000000000000000 0x0000000040000000 0x0000000040000000 0x00007f1d4be00000  rw\n");

        Assert.Equal(bytes, Assert.Single(blocks).Info.PageSizeBytes);
    }

    [Fact]
    public void A_block_without_used_bytes_is_left_out()
    {
        IReadOnlyList<RamBlock> blocks = RamBlockTable.Parse(
            Q35 + "    /rom@etc/acpi/rsdp    4 KiB  0x0000000011400000 0x0000000000000000 0x0000000000001000 0x00007f1d49000000  ro\n");

        Assert.Equal(5, blocks.Count);
    }

    [Fact]
    public void A_block_that_its_device_has_let_go_of_has_no_name_and_is_left_out()
    {
        IReadOnlyList<RamBlock> blocks = RamBlockTable.Parse(
            Q35 + "                            4 KiB  0x0000000011400000 0x0000000000040000 0x0000000000040000 0x00007f1d49000000  rw\n");

        Assert.Equal(RamBlockTable.Parse(Q35), blocks);
    }

    [Fact]
    public void A_QEMU_that_prints_no_host_addresses_is_refused_by_its_version()
    {
        QemuMonitorException error = Assert.Throws<QemuMonitorException>(() => RamBlockTable.Parse(
            "              Block Name    PSize              Offset               Used              Total\n"
            + "                  pc.ram    4 KiB  0x0000000000000000 0x0000000010000000 0x0000000010000000\n"));

        Assert.Contains("QEMU 8.1 or later is needed", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("HVA")]
    [InlineData("HVA\npc.ram")]
    [InlineData("HVA\n 4 KiB 0x0 0x1000 0x1000 0x7f0000000000 rw")]
    [InlineData("HVA\npc.ram 4 KiB 0x0 0x1001 0x1001 0x7f0000000000 rw")]
    [InlineData("HVA\npc.ram 4 KiB 0x0 0xffffffffffffffff 0x1000 0x7f0000000000 rw")]
    [InlineData("HVA\npc.ram 4 KiB 0x0 0x10000000000000000 0x1000 0x7f0000000000 rw")]
    [InlineData("HVA\npc.ram 4 KiB 0x0 4096 0x1000 0x7f0000000000 rw")]
    [InlineData("HVA\npc.ram 4 XiB 0x0 0x1000 0x1000 0x7f0000000000 rw")]
    [InlineData("HVA\npc.ram 99999999999 KiB 0x0 0x1000 0x1000 0x7f0000000000 rw")]
    [InlineData("HVA\npc.ram -4 KiB 0x0 0x1000 0x1000 0x7f0000000000 rw")]
    [InlineData("HVA\npc.ram 512 B 0x0 0x1000 0x1000 0x7f0000000000 rw")]
    [InlineData("HVA\npc.ram 4 KiB 0x0 0x1000 0x1000 (nil) rw")]
    public void Text_that_is_not_the_table_is_refused(string text)
    {
        Assert.Throws<QemuMonitorException>(() => RamBlockTable.Parse(text));
    }

    [Fact]
    public void More_blocks_than_a_guest_can_have_are_refused()
    {
        string line = "b 4 KiB 0x0 0x1000 0x1000 0x7f0000000000 rw\n";

        Assert.Throws<QemuMonitorException>(() => RamBlockTable.Parse("HVA\n" + string.Concat(Enumerable.Repeat(line, 1025))));
    }
}
