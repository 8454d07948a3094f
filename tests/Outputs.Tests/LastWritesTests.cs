// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.Outputs.Tests;

/// <summary>
/// A guest whose outputs are held is switched off or reset right after a write that it was told is done. It has no file systems on these disks and flushes
/// none of these writes: what is missing afterwards was lost on its way from the sidecar to the image.
/// </summary>
public sealed class LastWritesTests(OutputsLab lab) : LabTest(lab)
{
    private const int BlockBytes = 4096;
    private const int BlocksARound = 20;

    private static readonly LabGuestOptions Writing = Quiet with { Nic = true, App = "idle", Data = ["virtio,raw,16M", "virtio,qcow2,16M"] };

    [Fact]
    public void What_a_guest_wrote_before_it_was_switched_off_or_its_QEMU_killed_is_in_its_images()
    {
        LabGuest guest = StartHeld("off");

        guest.Run(InBackground($"{Write(round: 0)}; poweroff -n -f"));
        AssertEnded(guest);
        AssertInImages(guest, rounds: 1);

        HostA.Virsh("start", guest.Name);
        guest.WaitForProtected(HostA);
        guest.Run(Write(round: 1));
        HostA.Virsh("shutdown", guest.Name);
        AssertEnded(guest);
        AssertInImages(guest, rounds: 2);

        // Its console is not held: the writes are in no checkpoint yet when it says so. A qcow2 file's tables are QEMU's and die with it: the clusters that are
        // written are there before, from a flushed write behind them.
        HostA.Virsh("start", guest.Name);
        guest.WaitForProtected(HostA);
        guest.Run(InBackground($"{Allocate(block: 3 * BlocksARound)}; {Write(round: 2)}; echo all is written >/dev/console"));
        Lab.Until("the guest has written", () => guest.SerialOn(HostA).Contains("all is written", StringComparison.Ordinal));
        HostA.Signal("KILL", guest.QemuOn(HostA));
        AssertEnded(guest);
        AssertInImages(guest, rounds: 3);
        Assert.Equal(3, TimesUp(guest, HostA));
    }

    [Fact]
    public void What_a_guest_wrote_before_it_was_reset_is_on_its_disks_and_protected_again()
    {
        LabGuest guest = StartHeld("on");
        int sidecar = guest.SidecarOn(HostA)!.Value;

        guest.Run(InBackground($"{Write(round: 0)}; reboot -n -f"));
        WaitForBoot(guest, boots: 2);
        Assert.Equal(Expected(rounds: 1), Read(guest, rounds: 1));

        guest.Run(Write(round: 1));
        HostA.Virsh("reset", guest.Name);
        WaitForBoot(guest, boots: 3);
        Assert.Equal(Expected(rounds: 2), Read(guest, rounds: 2));

        guest.Run(Write(round: 2));
        HostA.Virsh("reboot", guest.Name);
        WaitForBoot(guest, boots: 4);
        Assert.Equal(Expected(rounds: 3), Read(guest, rounds: 3));
        Assert.Equal(sidecar, guest.SidecarOn(HostA));

        guest.Run(Write(round: 3));
        HostA.Kill();
        guest.WaitForDomainState(HostB, "running");
        Assert.Equal(Expected(rounds: 4), Read(guest, rounds: 4));
        Assert.Equal(0, TimesUp(guest, HostB));
    }

    private LabGuest StartHeld(string name)
    {
        LabGuest guest = Lab.StartGuest(name, Writing);
        WaitForBoot(guest, boots: 1);
        Assert.Equal("held", guest.ReportOn(HostA)!.Outputs);
        return guest;
    }

    private void WaitForBoot(LabGuest guest, int boots)
    {
        Lab.Until($"{guest.Name} came up {boots} times", () => TimesUp(guest, HostA) == boots);
        guest.WaitForProtected(HostA);
    }

    private static int TimesUp(LabGuest guest, LabHost host) => Regex.Count(guest.SerialOn(host), $"guest {guest.Name} up");

    private void AssertEnded(LabGuest guest)
    {
        guest.WaitForDomainState(HostA, "shut off");
        Lab.Until("both sidecars are gone", () => guest.SidecarOn(HostA) is null && guest.SidecarOn(HostB) is null);
        Assert.Equal("absent", guest.StateOn(HostB));
    }

    /// <summary>The answer to the command must leave the guest before it ends.</summary>
    private static string InBackground(string commands) => $"(sleep 3; {commands}) >/dev/null 2>&1 &";

    /// <summary>Block N of both disks holds N in decimal digits; each write is answered before the next begins.</summary>
    private static string Write(int round) =>
        $"for n in $(seq {round * BlocksARound} {((round + 1) * BlocksARound) - 1}); do for d in vda vdb; do "
        + $"printf '%-{BlockBytes}d' $n | dd of=/dev/$d bs={BlockBytes} seek=$n iflag=fullblock oflag=direct conv=notrunc 2>/dev/null || exit 1; done; done";

    private static string Allocate(int block) => $"dd if=/dev/zero of=/dev/vdb bs={BlockBytes} seek={block} count=1 conv=notrunc,fsync";

    private static string Read(LabGuest guest, int rounds) => guest.Run(
        $"for d in vda vdb; do for n in $(seq 0 {(rounds * BlocksARound) - 1}); do dd if=/dev/$d bs={BlockBytes} skip=$n count=1 iflag=direct 2>/dev/null | tr -d ' '; echo -n ' '; done; done").TrimEnd();

    private static string Expected(int rounds) => string.Join(' ', Enumerable.Range(0, 2).SelectMany(_ => Enumerable.Range(0, rounds * BlocksARound)));

    private void AssertInImages(LabGuest guest, int rounds)
    {
        string raw = Path.Combine(guest.SharedFolder, "data0.raw");
        using FileStream image = File.OpenRead(raw);
        byte[] block = new byte[BlockBytes];
        for (int number = 0; number < rounds * BlocksARound; number++)
        {
            image.ReadExactly(block);
            Assert.Equal(number.ToString(CultureInfo.InvariantCulture), Encoding.ASCII.GetString(block).TrimEnd());
        }
        Lab.Client("qemu-img", "compare", "-f", "raw", "-F", "qcow2", raw, Path.Combine(guest.SharedFolder, "data1.qcow2"));
        Assert.Contains("No errors", Lab.Client("qemu-img", "check", Path.Combine(guest.SharedFolder, "data1.qcow2")), StringComparison.Ordinal);
    }
}
