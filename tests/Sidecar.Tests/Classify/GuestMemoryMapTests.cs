// SPDX-License-Identifier: LGPL-2.1-or-later
using CsCheck;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Classify;
using Xunit;

namespace Hikae.Sidecar.Tests.Classify;

public sealed class GuestMemoryMapTests
{
    private static readonly RamBlockInfo[] s_block = [new("ram", 1 << 20, 4096)];

    [Fact]
    public void On_q35_memory_above_2_GiB_lies_above_4_GiB_and_rom_is_not_memory()
    {
        GuestMemoryMap map = MemoryTrees.Parse(MemoryTrees.Q35With3GiB, MemoryTrees.Q35Blocks);
        Assert.Equal(
            [new(0, 0xc0, 1, 0), new(0x100, 0x7ff00, 1, 0x100), new(0x100000, 0x40000, 1, 0x80000)],
            map.Ranges);
        Assert.Equal(0x140000UL, map.EndPfn);
    }

    [Theory]
    [InlineData("0000000000000000-0000000000100fff (prio 0, ram): ram")] // beyond the block
    [InlineData("0000000000000000-0000000000000fff (prio 0, ram): ram @0000000000100000")]
    [InlineData("0000000000000000-0000000000000fff (prio 0, ram): ram @7fffffffffffffff")]
    [InlineData("0000000000000000-0000000000000fff (prio 0, ram): ram @ffffffffffffff00")]
    [InlineData("0000000000000000-0000000000000fff (prio 0, ram): ram @0000000000000800")] // not in whole pages
    [InlineData("0000000000000000-0000000000001fff (prio 0, ram): ram\n  0000000000001000-0000000000002fff (prio 0, ram): ram @0000000000002000")]
    [InlineData("0000000000000000-0000000000001fff (prio 0, ram): ram\n  0000000000010000-0000000000010fff (prio 0, ram): ram @0000000000001000")]
    public void A_map_that_contradicts_itself_is_refused_with_the_reason(string lines)
    {
        Assert.False(GuestMemoryMap.TryParse(MemoryTrees.System(lines), s_block, out _, out string reason));
        Assert.NotEmpty(reason);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0000000000000000-0000000000000fff (prio 0, ram): another")]
    [InlineData("0000000000000000-0000000000000fff (prio 0, rom): ram")]
    [InlineData("0000000000000000-0000000000000fff (prio 0, i/o): ram")]
    [InlineData("0000000000000000-ffffffffffffffff (prio 0, ram): ram")]
    [InlineData("0000000000001000-0000000000000fff (prio 0, ram): ram")]
    [InlineData("0000000000000000 (prio 0, ram): ram")]
    [InlineData("(prio 0, ram): ram")]
    [InlineData("0000000000000100-0000000000000fff (prio 0, ram): ram @0000000000000100")] // no whole page
    public void Lines_that_are_no_memory_of_this_guest_are_passed_over(string line)
    {
        Assert.False(GuestMemoryMap.TryParse(MemoryTrees.System(line), s_block, out _, out string reason));
        Assert.Contains("no RAM block", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stretch_that_ends_within_a_page_loses_that_page() =>
        Assert.Equal(
            [new GuestMemoryRange(1, 1, 0, 1)],
            MemoryTrees.Parse(MemoryTrees.System("0000000000000800-00000000000027ff (prio 0, ram): ram @0000000000000800"), s_block).Ranges);

    [Theory]
    [InlineData(GuestMemoryMap.MaxRanges, true)]
    [InlineData(GuestMemoryMap.MaxRanges + 1, false)]
    public void The_number_of_stretches_is_limited(int count, bool accepted)
    {
        string[] lines = [.. Enumerable.Range(0, count).Select(i => $"{i * 8192:x16}-{(i * 8192) + 4095:x16} (prio 0, ram): ram @{i * 4096:x16}")];
        RamBlockInfo[] blocks = [new("ram", 4096L * (count + 1), 4096)];
        Assert.Equal(accepted, GuestMemoryMap.TryParse(MemoryTrees.System(lines), blocks, out _, out _));
    }

    [Theory]
    [InlineData(GuestMemoryMap.MaxTextChars, true)]
    [InlineData(GuestMemoryMap.MaxTextChars + 1, false)]
    public void The_length_of_the_text_is_limited(int chars, bool accepted)
    {
        string text = MemoryTrees.System("0000000000000000-0000000000000fff (prio 0, ram): ram");
        Assert.Equal(accepted, GuestMemoryMap.TryParse(text.PadRight(chars, '\n'), s_block, out _, out _));
    }

    [Fact]
    public void No_text_makes_the_parser_throw_or_map_beyond_a_block()
    {
        string[] words =
        [
            "FlatView #0\n", " AS \"memory\", root: system\n", "0000000000000000", "00000000000fffff", "ffffffffffffffff", "-", " (prio 0, ram): ",
            "ram", " @", "0000000000001000", "8000000000000000", " KVM", "\n", "  ",
        ];
        Gen<string> word = Gen.Int[0, words.Length - 1].Select(i => words[i]);
        word.Array[0, 40].Sample(chosen =>
        {
            if (GuestMemoryMap.TryParse(string.Concat(chosen), s_block, out GuestMemoryMap? map, out _))
            {
                Assert.All(map!.Ranges, range => Assert.InRange(range.FirstPage + range.PageCount, 1, s_block[0].PageCount));
            }
        });
    }
}
