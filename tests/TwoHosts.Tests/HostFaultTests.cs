// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.TwoHosts.Tests;

public sealed class HostFaultTests(SharedLab shared) : LabTest(shared, keepsGuest: true)
{
    [Theory]
    [InlineData("hostA")]
    [InlineData("hostB")]
    public void Protection_outlives_a_crash_of_libvirtd(string name)
    {
        LabGuest guest = KeptProtected();

        Host(name).RestartLibvirtd();

        guest.WaitForProtected(HostA);
        AssertRunsOnlyOnHostA(guest);
    }

    [Theory]
    [InlineData("hostA")]
    [InlineData("hostB")]
    public void Protection_outlives_a_crash_of_hikaed(string name)
    {
        LabGuest guest = KeptProtected();
        int? primary = guest.SidecarOn(HostA);
        int? backup = guest.SidecarOn(HostB);

        Host(name).RestartHikaed();

        guest.WaitForProtected(HostA);
        guest.WaitForState(HostB, "ready");
        Assert.Equal(primary, guest.SidecarOn(HostA));
        Assert.Equal(backup, guest.SidecarOn(HostB));
        AssertRunsOnlyOnHostA(guest);
    }

    // There and back and there again: a start of a guest takes longer than a failover.
    [Fact]
    public async Task A_failover_outlives_whatever_happens_to_libvirtd_on_the_backup()
    {
        LabGuest guest = KeptProtected();

        FailOverWhileLibvirtdIsDown(guest, HostA, HostB);
        HostA.Boot();
        guest.WaitForProtected(HostB);
        await FailOverWithALibvirtdThatDiesWhileQemuLoadsTheGuestAsync(guest, HostB, HostA);
        HostB.Boot();
        guest.WaitForProtected(HostA);
        await FailOverWithADomainThatADeadLibvirtdHadHalfStartedAsync(guest, HostA, HostB);
    }

    [Fact]
    public void With_the_network_cut_the_primary_keeps_the_guest_and_protects_it_again_later()
    {
        LabGuest guest = KeptProtected();

        LoseBackup(guest, HostA, HostB, unplugged: HostB);
        guest.WaitForReport(HostB, "without the guest", report => report.State is not ("ready" or "recovering" or "recovered"));
        AssertRunsOnlyOnHostA(guest);
        HostB.Restore("repl");

        guest.WaitForProtected(HostA);
        AssertRunsOnlyOnHostA(guest);
    }

    [Fact]
    public void A_QEMU_that_does_not_answer_keeps_nobody_from_saying_that_the_backup_is_lost()
    {
        LabGuest guest = KeptProtected();
        int qemu = guest.QemuOn(HostA);
        GuestReport before = guest.WaitForState(HostA, "protected");

        HostA.Signal("STOP", qemu);
        guest.WaitForReport(HostA, "without a new checkpoint", report => report.CommittedAgeMs > 3000 && report.Epoch >= before.Epoch);
        HostB.Signal("KILL", guest.SidecarOn(HostB)!.Value);
        guest.WaitForReport(HostA, "not protected", report => report.State != "protected");
        HostA.Signal("CONT", qemu);

        guest.WaitForProtected(HostA);
        AssertRunsOnlyOnHostA(guest);
    }

    [Fact]
    public void A_frozen_primary_that_comes_back_ends_its_copy()
    {
        LabGuest guest = KeptProtected();

        HostA.Freeze();
        guest.WaitForDomainState(HostB, "running");
        guest.WaitForProgressOn(HostB);
        HostA.Thaw();

        Lab.Until("hostA gave the guest up", () => guest.StateOn(HostA) is not ("running" or "paused"));
        guest.WaitForProgressOn(HostB);
    }

    [Fact]
    public void A_backup_with_a_foreign_certificate_is_refused_and_the_guest_runs_on()
    {
        HostB.Shell("""
            cd /etc/pki/libvirt && cp servercert.pem /root/cert && cp private/serverkey.pem /root/key
            """);
        ReplaceCertificate();
        LabGuest guest = Lab.StartGuest("certificate", Quiet);

        guest.WaitForReport(HostA, "unprotected for the certificate's sake", report =>
            report.State == "unprotected" && report.Reason.Contains("certificate", StringComparison.OrdinalIgnoreCase));
        AssertRunsOnlyOnHostA(guest);
        HostB.Shell("cd /etc/pki/libvirt && cp /root/cert servercert.pem && cp /root/key private/serverkey.pem");

        guest.WaitForProtected(HostA);
    }

    private static void FailOverWhileLibvirtdIsDown(LabGuest guest, LabHost from, LabHost to)
    {
        to.Shell("pid=$(cat /run/libvirtd.pid); kill -KILL $pid; while [ -e /proc/$pid ]; do sleep 0.05; done");

        from.Kill();
        guest.WaitForState(to, "recovering");
        to.RestartLibvirtd();

        guest.WaitForProgressOn(to);
    }

    // What the next libvirtd finds does not wait for a stream any more, and nobody has let it run.
    private async Task FailOverWithALibvirtdThatDiesWhileQemuLoadsTheGuestAsync(LabGuest guest, LabHost from, LabHost to)
    {
        string log = $"/var/log/hikae/{guest.Uuid}.log";
        int known = int.Parse(to.Shell($"wc -l < {log}"), CultureInfo.InvariantCulture);
        Task<CommandResult> killed = AsSoonAs(
            to, $"tail -n +{known + 1} {log} | grep -q 'connected to QEMU'", "pid=$(</run/libvirtd.pid); kill -STOP $pid && sleep 1 && kill -KILL $pid");

        from.Kill();
        Assert.True((await killed).Succeeded);
        to.RestartLibvirtd();

        guest.WaitForProgressOn(to);
    }

    // Its reason says how to end it, and the failover goes on then.
    private async Task FailOverWithADomainThatADeadLibvirtdHadHalfStartedAsync(LabGuest guest, LabHost from, LabHost to)
    {
        // A QEMU that takes its time to start keeps the domain in that state for long enough.
        const string qemu = "/usr/bin/qemu-system-x86_64";
        to.Shell($$"""
            mv {{qemu}} {{qemu}}.real
            cat >{{qemu}} <<'END'
            #!/bin/bash
            [[ " $* " != *" guest={{guest.Name}},"* ]] || sleep 600
            exec {{qemu}}.real "$@"
            END
            chmod +x {{qemu}}
            """);
        Task<CommandResult> killed = AsSoonAs(to, $"grep -q \"pid='0'\" {guest.StatusFile} 2>/dev/null", "kill -KILL $(</run/libvirtd.pid)");

        from.Kill();
        Assert.True((await killed).Succeeded);
        to.Shell($"mv {qemu}.real {qemu}; pkill -KILL -U libvirt-qemu; true");
        to.RestartLibvirtd();

        guest.WaitForReport(to, "waiting for somebody to end it", report =>
            report.State == "recovering" && report.Reason.Contains($"delete {guest.StatusFile}", StringComparison.Ordinal));
        guest.EndHalfStartedOn(to);
        guest.WaitForProgressOn(to);
    }

    private LabHost Host(string name) => Lab.Hosts.Single(host => host.Name == name);

    private void ReplaceCertificate()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("hikae-foreign-");
        try
        {
            ForeignCertificate.Write(folder.FullName, HostB.Name);
            File.Copy(Path.Combine(folder.FullName, "certificate.pem"), HostB.PathOf("/etc/pki/libvirt/servercert.pem"), overwrite: true);
            File.Copy(Path.Combine(folder.FullName, "key.pem"), HostB.PathOf("/etc/pki/libvirt/private/serverkey.pem"), overwrite: true);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
