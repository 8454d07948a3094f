// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Guest.Pages;
using Xunit;

namespace Hikae.Guest.Tests.Pages;

public sealed class SystemRamTests
{
    [Fact]
    public void Only_the_outermost_System_RAM_lines_count_and_only_whole_pages()
    {
        PfnRange[] ranges = SystemRam.Parse(
        [
            "00000000-00000fff : Reserved",
            "00001000-0009fbff : System RAM",
            "0009fc00-0009ffff : Reserved",
            "00100000-7ffd9fff : System RAM",
            "  01000000-01ffffff : Kernel code",
            "  02000000-02ffffff : System RAM",
            "7ffda000-7fffffff : Reserved",
            "100000000-17fffffff : System RAM (boot alias)",
            "100000000-17fffffff : System RAM",
        ]);

        Assert.Equal([new(1, 0x9f), new(0x100, 0x7ffda), new(0x100000, 0x180000)], ranges);
    }

    [Theory]
    [InlineData("00000000-00000000 : System RAM")]
    [InlineData("")]
    [InlineData("garbage : System RAM")]
    [InlineData("1000-zzzz : System RAM")]
    [InlineData("2000-1000 : System RAM")]
    [InlineData("0-ffffffffffffffff : System RAM")]
    public void Without_one_plausible_range_everything_is_looked_at(string line) => Assert.Same(SystemRam.Unknown, SystemRam.Parse([line]));

    [Fact]
    public void Ranges_out_of_order_are_dropped() =>
        Assert.Equal([new PfnRange(0x200, 0x300)], SystemRam.Parse(["200000-2fffff : System RAM", "100000-2fffff : System RAM"]));
}
