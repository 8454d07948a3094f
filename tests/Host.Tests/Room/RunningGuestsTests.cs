// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Hikae.Host.Room;
using Xunit;

namespace Hikae.Host.Tests.Room;

/// <summary>Guests as the kernel shows their QEMUs.</summary>
public sealed class RunningGuestsTests
{
    private static readonly Guid Mail = new("7b3e9a52-0c1d-4f7e-8a6b-5c4d3e2f1a00");

    [Theory]
    [InlineData("size=262144k", 262144L << 10)]
    [InlineData("size=2097152k,slots=16,maxmem=8388608k", 2L << 30)]
    [InlineData("256", 256L << 20)]
    [InlineData("plenty", 0)]
    [InlineData("size=99999999999999999k", 0)]
    public void Memory_is_what_libvirt_wrote_on_the_command_line(string memory, long bytes) => Assert.Equal(
        (Mail, bytes),
        RunningGuests.Parse(Encoding.UTF8.GetBytes($"/usr/bin/qemu-system-x86_64\0-name\0guest=mail\0-m\0{memory}\0-uuid\0{Mail}\0-no-user-config\0")));

    [Fact]
    public void A_process_without_a_UUID_is_no_guest() => Assert.Null(RunningGuests.Parse("/usr/sbin/dnsmasq\0-m\0001\0"u8));

    [Fact]
    public void A_guest_counts_while_its_process_lives()
    {
        string folder = Directory.CreateTempSubdirectory("hikae-guests-").FullName;
        var running = new RunningGuests(folder);
        using Process qemu = Process.Start(new ProcessStartInfo("sh", ["-c", "read x", "qemu", "-m", "size=1048576k", "-uuid", Mail.ToString()]) { RedirectStandardInput = true })!;
        File.WriteAllText(Path.Combine(folder, "mail.pid"), qemu.Id.ToString(CultureInfo.InvariantCulture) + "\n");
        File.WriteAllText(Path.Combine(folder, "gone.pid"), "2147483647");
        File.WriteAllText(Path.Combine(folder, "odd.pid"), "x");

        Assert.Equal(new Dictionary<Guid, long> { [Mail] = 1L << 30 }, running.Read());

        qemu.StandardInput.Close();
        qemu.WaitForExit();
        Assert.Empty(running.Read());
        Directory.Delete(folder, recursive: true);
        Assert.Empty(running.Read());
    }
}
