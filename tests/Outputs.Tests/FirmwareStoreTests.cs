// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.RegularExpressions;
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.Outputs.Tests;

/// <summary>Guests that boot by UEFI: what their firmware stores goes with them.</summary>
public sealed class FirmwareStoreTests(OutputsLab lab) : LabTest(lab)
{
    private const string Variables = "/sys/firmware/efi/efivars";
    private const string Vendor = "5d1e2a4c-8f53-4b7e-9c3a-0b6d7e8f9a10";
    private const string Firmware = "<firmware><feature enabled='no' name='secure-boot'/></firmware>";
    private const string Templates = "/usr/share/OVMF";

    private static LabGuestOptions Uefi { get; } = Quiet with { Uefi = true, Nic = true, App = "idle", MemoryMiB = 192, Data = ["virtio,raw,16M"] };

    [Fact]
    public void What_the_firmware_stores_is_there_after_a_failover_and_after_the_boot_that_follows()
    {
        LabGuest raw = Lab.StartGuest("uefi-raw", Uefi with { EditXml = xml => xml.Replace(Firmware, $"{Firmware}<nvram>{OnSharedStorage("uefi-raw")}</nvram>", StringComparison.Ordinal) });
        LabGuest qcow2 = Lab.StartGuest("uefi-qcow2", Uefi with { EditXml = WithQcow2 });
        LabGuest[] guests = [raw, qcow2];
        foreach (LabGuest guest in guests)
        {
            guest.WaitForProtected(HostA);
            AssertIsHeld(guest, HostA);
            GiveBack(guest, HostA);
            HostA.Hikae("enable", guest.Name, "--backup", HostB.Name);
            guest.WaitForProtected(HostA);
            Store(guest, "before");
        }

        HostA.Kill();
        Assert.All(guests, guest => Assert.Equal("before", Read(guest, "before")));
        HostA.Boot();
        foreach (LabGuest guest in guests)
        {
            guest.WaitForProtected(HostB);
            AssertIsHeld(guest, HostB);
            Store(guest, "after");
        }

        // From here on there is only what the files have, and either host has them.
        Assert.All(guests, guest => HostB.Virsh("destroy", guest.Name));
        Assert.All(guests, guest => guest.WaitForNoReport(HostB));
        HostB.Virsh("start", raw.Name);
        HostA.Virsh("start", qcow2.Name);
        Assert.All(guests, guest => Assert.Equal(["before", "after"], (string[])[Read(guest, "before"), Read(guest, "after")]));

        raw.WaitForProtected(HostB);
        StoreDeletedWithADefinition(raw);
    }

    [Fact]
    public void A_store_that_each_host_has_of_its_own_is_refused()
    {
        LabGuest guest = Lab.StartGuest("uefi-own", Uefi);

        GuestReport report = guest.WaitForReport(HostA, "refused", report => report.Reason.StartsWith("the UEFI variable store /var/lib/libvirt/qemu/nvram/uefi-own_VARS.fd", StringComparison.Ordinal));

        Assert.Equal("unprotected", report.State);
        Assert.Contains(" is not on the shared storage: with the guest off, move it to the storage of its disks or of /", report.Reason, StringComparison.Ordinal);
    }

    /// <summary>The former primary's administrator removes what is left of the guest there, as virsh wants it, while the guest runs elsewhere.</summary>
    private void StoreDeletedWithADefinition(LabGuest guest)
    {
        HostA.Virsh("undefine", "--nvram", guest.Name);
        Assert.False(File.Exists(HostB.PathOf(OnSharedStorage(guest.Name))));
        int killed = guest.SidecarOn(HostB)!.Value;

        HostB.Signal("KILL", killed);

        // The backup may have made a domain meanwhile, in case, and libvirt a new file for it.
        guest.WaitForReport(HostB, "refused", now => now is { State: "unprotected" } && Regex.IsMatch(
            now.Reason, $"^(the file of )?the UEFI variable store,? {OnSharedStorage(guest.Name)},? was deleted( or replaced while the guest runs)?: shut the guest down and start it again$"));
        Store(guest, "later");
        Assert.Equal("later", Read(guest, "later"));
        HostB.Virsh("destroy", guest.Name);
        guest.WaitForNoReport(HostB);
    }

    private static string OnSharedStorage(string name) => $"/srv/shared/guests/{name}/variables";

    // As some distributions have it; and named outright, while libvirt makes and finds the other one by itself.
    private string WithQcow2(string xml)
    {
        Lab.Client("qemu-img", "convert", "-O", "qcow2", HostA.PathOf($"{Templates}/OVMF_VARS_4M.fd"), Path.Combine(Lab.SharedFolder, "guests", "uefi-qcow2", "variables"));
        return xml
            .Replace("<os firmware='efi'>", "<os>", StringComparison.Ordinal)
            .Replace(Firmware, $"<loader readonly='yes' type='pflash'>{Templates}/OVMF_CODE_4M.fd</loader><nvram format='qcow2'>{OnSharedStorage("uefi-qcow2")}</nvram>", StringComparison.Ordinal);
    }

    /// <summary>The guest's kernel asks the firmware to store it for good. The answer leaves with the checkpoint that has it.</summary>
    private static void Store(LabGuest guest, string what) => guest.Run($"printf '\\007\\000\\000\\000{what}' >{Variables}/{what}-{Vendor}");

    private static string Read(LabGuest guest, string what) => guest.Run($"tail -c +5 {Variables}/{what}-{Vendor}").TrimEnd('\n');

    private static void AssertIsHeld(LabGuest guest, LabHost host) => Assert.Equal("hikae-system.flash1", StoreNodeOn(host, guest));

    private static void GiveBack(LabGuest guest, LabHost host)
    {
        host.Hikae("disable", guest.Name);
        guest.WaitForNoReport(host);
        Assert.StartsWith("libvirt-pflash1-", StoreNodeOn(host, guest), StringComparison.Ordinal);
    }

    private static string StoreNodeOn(LabHost host, LabGuest guest) =>
        host.Virsh("qemu-monitor-command", guest.Name, "--pretty", "{\"execute\":\"qom-get\",\"arguments\":{\"path\":\"/machine/system.flash1\",\"property\":\"drive\"}}").Split("\"return\": \"")[1].Split('"')[0];
}
