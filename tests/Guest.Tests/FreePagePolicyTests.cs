// SPDX-License-Identifier: LGPL-2.1-or-later
using System.IO.Compression;
using Xunit;

namespace Hikae.Guest.Tests;

public sealed class FreePagePolicyTests
{
    [Theory]
    [InlineData("quiet init_on_free=1")]
    [InlineData("page_poison=0")]
    [InlineData("page_poison=off debug_pagealloc=off")]
    [InlineData("root=UUID=page_poison=1")]
    [InlineData("")]
    public void A_kernel_that_relies_on_zeros_or_nothing_reports_free_pages(string commandLine)
    {
        using var guest = new FakeGuest();
        guest.Write("proc/cmdline", commandLine);
        Assert.Equal("", FreePagePolicy.WhyOff(guest.Files));
    }

    [Theory]
    [InlineData("quiet page_poison=1", "page_poison")]
    [InlineData("page-poison=on", "page_poison")]
    [InlineData("page_poison", "page_poison")]
    [InlineData("\"page_poison=y\"", "page_poison")]
    [InlineData("page_poison=0 page_poison=1", "page_poison")]
    [InlineData("debug_pagealloc=on", "debug_pagealloc")]
    [InlineData("debug_pagealloc=1", "debug_pagealloc")]
    public void A_kernel_told_to_keep_a_pattern_in_free_pages_does_not(string commandLine, string named)
    {
        using var guest = new FakeGuest();
        guest.Write("proc/cmdline", commandLine);
        Assert.Contains(named, FreePagePolicy.WhyOff(guest.Files), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("CONFIG_KASAN=y\n", "KASAN")]
    [InlineData("A=1\nCONFIG_DEBUG_PAGEALLOC_ENABLE_DEFAULT=y\n", "debug_pagealloc")]
    public void A_kernel_built_to_keep_a_pattern_does_not(string config, string named)
    {
        using var guest = new FakeGuest();
        guest.Write("boot/config-6.1.0-test", config);
        Assert.Contains(named, FreePagePolicy.WhyOff(guest.Files), StringComparison.Ordinal);
    }

    [Fact]
    public void The_command_line_overrides_the_default_of_debug_pagealloc()
    {
        using var guest = new FakeGuest();
        guest.Write("boot/config-6.1.0-test", "CONFIG_DEBUG_PAGEALLOC_ENABLE_DEFAULT=y\n# CONFIG_KASAN is not set\n");
        guest.Write("proc/cmdline", "debug_pagealloc=off");
        Assert.Equal("", FreePagePolicy.WhyOff(guest.Files));
    }

    [Fact]
    public void The_kernels_own_compressed_configuration_is_read_first()
    {
        using var guest = new FakeGuest();
        using (FileStream file = File.Create(guest.Files.CompressedConfig))
        using (var packed = new GZipStream(file, CompressionMode.Compress))
        {
            packed.Write("CONFIG_KASAN=y\n"u8);
        }

        Assert.Contains("KASAN", FreePagePolicy.WhyOff(guest.Files), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0000000000000000 T schedule\n", "")]
    [InlineData("0000000000000000 T kasan_report\n", "KASAN")]
    [InlineData("0000000000000000 T __kernel_map_pages\n", "debug_pagealloc")]
    [InlineData("", "no symbols")]
    public void Without_a_configuration_the_symbols_tell(string symbols, string named)
    {
        using var guest = new FakeGuest();
        guest.Delete("boot/config-6.1.0-test");
        guest.Write("proc/kallsyms", symbols);
        string reason = FreePagePolicy.WhyOff(guest.Files);
        Assert.Contains(named, reason, StringComparison.Ordinal);
        Assert.Equal(named.Length == 0, reason.Length == 0);
    }

    [Fact]
    public void Where_nothing_is_known_nothing_is_reported()
    {
        using var guest = new FakeGuest();
        guest.Delete("boot/config-6.1.0-test");
        Assert.Contains("cannot be ruled out", FreePagePolicy.WhyOff(guest.Files), StringComparison.Ordinal);
    }
}
