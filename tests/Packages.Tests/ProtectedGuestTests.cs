// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.Text.Json;
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.Packages.Tests;

/// <summary>What installing and removing does to guests that are protected meanwhile.</summary>
public sealed class ProtectedGuestTests(PackagesLab packages)
{
    [Fact]
    public void An_upgrade_leaves_a_guest_protected_a_removal_lets_it_run_and_a_power_cut_moves_it()
    {
        Lab lab = packages.Lab;
        (LabHost hostA, LabHost hostB) = (lab.HostA, lab.HostB);
        lab.Install(hostA, hostB);
        // Before the backup's sidecar starts: this test waits for its watchdog.
        hostB.Shell($"mkdir -p {DropIn} && printf '[Service]\\nWatchdogSec=8\\n' >{DropIn}/short.conf && systemctl daemon-reload");
        LabGuest guest = lab.StartGuest("kept", new LabGuestOptions
        {
            Nic = true,
            Disk = "32M",
            // The unit must let the sidecar put QEMU's I/O threads before others.
            Data = ["virtio,raw,16M,iothread"],
            Protect = "hostB",
            EditXml = xml => xml.Replace("<metadata>", "<title>An administrator's</title><metadata>", StringComparison.Ordinal),
        });
        guest.WaitForProtected(hostA);
        const string Shown = "An administrator's [hikae: protected, backup hostB]";
        lab.Until("the title tells of the protection", () => Title(hostA) == Shown);
        TheJournalKnowsTheGuest(hostA, guest);
        ABackupThatHangsIsEndedAndHasASuccessor(lab, guest);
        guest.WaitForProtected(hostA);
        lab.Until("the title tells of the protection once more", () => Title(hostA) == Shown);
        int qemu = guest.QemuOn(hostA);
        int? sidecar = guest.SidecarOn(hostA);
        string hikaed = hostA.Shell("systemctl show -P MainPID hikaed");

        // Upgrade.
        string next = Next(packages.Package("hikae_*.deb"));
        string nextOnA = PackagesLab.Hand(hostA, next);
        hostA.Run("dpkg", "-i", nextOnA);

        Assert.Equal("0.1.0+next", hostA.Shell("dpkg-query -W -f '${Version}' hikae"));
        Assert.NotEqual(hikaed, hostA.Shell("systemctl show -P MainPID hikaed"));
        guest.WaitForProtected(hostA);
        guest.WaitForProgressOn(hostA);
        Assert.Equal(sidecar, guest.SidecarOn(hostA));
        Assert.Equal(qemu, guest.QemuOn(hostA));

        int? backup = guest.SidecarOn(hostB);
        hostB.Run("dpkg", "-i", PackagesLab.Hand(hostB, next));
        Assert.Equal("0.1.0+next", hostB.Shell("dpkg-query -W -f '${Version}' hikae"));
        guest.WaitForProtected(hostA);
        Assert.Equal(backup, guest.SidecarOn(hostB));

        // The administrator takes up the new sidecar.
        hostA.Run("systemctl", "restart", $"hikae-sidecar@{guest.Uuid}");
        guest.WaitForProtected(hostA);
        Assert.NotEqual(sidecar, guest.SidecarOn(hostA));
        lab.Until("the title tells of the protection again", () => Title(hostA) == Shown);
        Assert.Equal("", hostA.Shell("journalctl -u 'hikae*' -b --no-pager | grep -i 'not permitted' || true"));

        // Removal.
        hostA.Run("dpkg", "-r", "hikae");

        Assert.Null(guest.SidecarOn(hostA));
        Assert.Equal("running", guest.StateOn(hostA));
        Assert.Equal("An administrator's", Title(hostA));
        Assert.Equal(qemu, guest.QemuOn(hostA));
        Assert.DoesNotContain("hikae-", hostA.Virsh("qemu-monitor-command", "kept", "--hmp", "info block"), StringComparison.Ordinal);
        guest.Run("echo kept >/data/word && sync && sync /data/word");

        // Back again.
        hostA.Run("dpkg", "-i", nextOnA);
        guest.WaitForProtected(hostA);
        long counted = guest.WaitForProgressOn(hostA);
        // Its answer waits for a checkpoint, which so has what was counted.
        Assert.Equal("kept", guest.Run("cat /data/word"));
        Assert.Equal(qemu, guest.QemuOn(hostA));

        // A power cut: what the backup's unit allows must do for a failover.
        hostA.Kill();
        try
        {
            Assert.True(guest.WaitForProgressOn(hostB) > counted);
            Assert.Equal("kept", guest.Run("cat /data/word"));
            Assert.Equal("", hostB.Shell("journalctl -u 'hikae*' -b --no-pager | grep -i 'not permitted' || true"));
            hostB.Virsh("destroy", "kept");
        }
        finally
        {
            hostA.Boot();
        }
    }

    [Fact]
    public void A_sidecar_that_does_not_end_keeps_the_package_installed()
    {
        LabHost host = packages.Clean;
        host.Run("dpkg", "-i", PackagesLab.Hand(host, packages.Package("hikae_*.deb")));
        host.Shell(
            """
            truncate -s 1M /root/image
            setsid /usr/libexec/hikae/hikae-sidecar serve /root/image --socket /run/image.sock --buffer /run/image.buffer --size 1048576 </dev/null >/root/served 2>&1 &
            until grep -q ready /root/served; do sleep 0.1; done
            kill -STOP $(pgrep hikae-sidecar)
            """);
        string sidecar = host.Run("pgrep", "hikae-sidecar");

        CommandResult removal = host.TryRun("env", "HIKAE_END_SECONDS=2", "dpkg", "-r", "hikae");

        Assert.False(removal.Succeeded);
        Assert.Contains($"process {sidecar}:", removal.Errors, StringComparison.Ordinal);
        Assert.EndsWith(" ok installed", host.Shell("dpkg-query -W -f '${Status}' hikae"), StringComparison.Ordinal);
        Assert.Equal("active", host.Shell("systemctl is-active hikaed"));
        Assert.Equal(sidecar, host.Run("pgrep", "hikae-sidecar"));

        host.Shell($"kill -CONT {sidecar}");
        host.Run("dpkg", "-r", "hikae");
        Assert.Equal("", host.Shell("pgrep hikae || true; rm -f /root/image /root/served /run/image.*"));
    }

    private const string DropIn = "/run/systemd/system/hikae-backup@.service.d";

    private static void TheJournalKnowsTheGuest(LabHost host, LabGuest guest)
    {
        string[] lines = host.Shell($"journalctl HIKAE_GUEST={guest.Name} -o json --no-pager").Split('\n');
        JsonElement[] entries = [.. lines.Select(line => JsonDocument.Parse(line).RootElement)];

        Assert.Contains(entries, entry => Field(entry, "SYSLOG_IDENTIFIER") == "hikaed" && Field(entry, "HIKAE_UUID") == guest.Uuid);
        JsonElement state = entries.Last(entry => Field(entry, "SYSLOG_IDENTIFIER") == "hikae-sidecar" && Field(entry, "HIKAE_EPOCH") is not null);
        Assert.Equal("primary", Field(state, "HIKAE_ROLE"));
        Assert.Equal(guest.Uuid, Field(state, "HIKAE_UUID"));
        Assert.True(ulong.Parse(Field(state, "HIKAE_EPOCH")!, CultureInfo.InvariantCulture) > 0);
        Assert.InRange(int.Parse(Field(state, "PRIORITY")!, CultureInfo.InvariantCulture), 2, 6);
        Assert.Equal($"hikae-sidecar@{guest.Uuid}.service", Field(state, "_SYSTEMD_UNIT"));
    }

    private static string? Field(JsonElement entry, string name) => entry.TryGetProperty(name, out JsonElement value) ? value.GetString() : null;

    /// <summary>The backup's: stopping the primary's would stop the guest's disks, and begin a failover.</summary>
    private static void ABackupThatHangsIsEndedAndHasASuccessor(Lab lab, LabGuest guest)
    {
        LabHost host = lab.HostB;
        int? hung = guest.SidecarOn(host);
        host.Shell($"kill -STOP {hung}");

        lab.Until("the watchdog has ended the backup's sidecar and the next one runs", () => guest.SidecarOn(host) is int next && next != hung);

        Assert.Contains("Watchdog timeout", host.Shell($"journalctl -u hikae-backup@{guest.Uuid} -b --no-pager"), StringComparison.Ordinal);
        host.Shell($"rm -r {DropIn} && systemctl daemon-reload");
    }

    private static string Title(LabHost host) => host.Virsh("desc", "kept", "--live", "--title");

    /// <summary>The same package with a higher version.</summary>
    private static string Next(string package)
    {
        string next = package.Replace("_0.1.0_", "_0.1.0+next_", StringComparison.Ordinal);
        PackagesLab.Shell(
            """
            work=$(mktemp -d)
            trap 'rm -rf "$work"' EXIT
            dpkg-deb -R "$1" "$work/next"
            sed -i 's/^Version: 0.1.0$/Version: 0.1.0+next/' "$work/next/DEBIAN/control"
            mkdir "$work/out"
            dpkg-deb --root-owner-group -Znone -b "$work/next" "$2"
            """,
            package,
            Path.Combine(Directory.CreateDirectory(Path.Combine(Path.GetDirectoryName(package)!, "next")).FullName, Path.GetFileName(next)));
        return Path.Combine(Path.GetDirectoryName(package)!, "next", Path.GetFileName(next));
    }
}
