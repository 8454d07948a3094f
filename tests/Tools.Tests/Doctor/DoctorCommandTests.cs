// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;
using Hikae.Protocol.Control;
using Xunit;

namespace Hikae.Tools.Tests.Doctor;

public sealed class DoctorCommandTests : CommandLineTest
{
    [Fact]
    public void What_fails_is_followed_by_its_remedy_and_gives_1()
    {
        Virsh.Answer("version", "Running hypervisor: QEMU 7.2.22\nRunning against daemon: 9.0.0\n");

        Assert.Equal(1, Run("doctor"));

        string[] lines = Output.ToString().Split('\n');
        Assert.Contains(lines, line => line.StartsWith("ok    libvirt", StringComparison.Ordinal) && line.EndsWith("libvirt 9.0.0", StringComparison.Ordinal));
        int qemu = Array.FindIndex(lines, line => line.StartsWith("FAIL  QEMU ", StringComparison.Ordinal));
        Assert.EndsWith("QEMU 7.2.22, and 8.1 is needed", lines[qemu], StringComparison.Ordinal);
        Assert.Contains("→ install QEMU for x86_64", lines[qemu + 1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ID=debian\nVERSION_ID=\"12\"", "on Debian 12 a kernel from backports: apt install -t bookworm-backports linux-image-amd64|use Debian 13 or later|apt install qemu-system-x86|apt install libvirt0 libssl3t64|apt install --reinstall hikae|apt install nfs-common|gnutls-bin|dport 16520", "dnf")]
    [InlineData("NAME=Ubuntu\nID=ubuntu\nID_LIKE=debian", "use Ubuntu 24.04 or later|apt install qemu-system-x86|apt install libvirt0 libssl3t64|ufw allow 16520/tcp", "dnf")]
    [InlineData("ID=linuxmint\nID_LIKE=\"ubuntu debian\"", "use Ubuntu 24.04 or later", "dnf")]
    [InlineData("ID=fedora\nVERSION_ID=39", "use Fedora 40 or later|dnf upgrade kernel|dnf install qemu-kvm|dnf install libvirt-libs openssl-libs|dnf reinstall hikae|dnf install nfs-utils|gnutls-utils|firewall-cmd --permanent --add-port=16520/tcp", "apt ")]
    [InlineData("ID=\"rhel\"\nID_LIKE=\"fedora\"", "use RHEL 10 or later|dnf install qemu-kvm", "apt ")]
    [InlineData("ID='rocky'\nID_LIKE=\"rhel centos fedora\"", "use RHEL 10 or later|dnf install libvirt-libs openssl-libs", "apt ")]
    [InlineData("ID=nixos", "install Linux 6.7 or later|a release with Linux 6.7, QEMU 8.1 and libvirt 8.2", "apt ")]
    public void Each_remedy_is_one_of_the_distribution(string release, string remedies, string foreign)
    {
        BreakEverything(release);
        SidecarSays("hostB does not answer", exitCode: 1);

        Assert.Equal(1, Run("doctor", "--peer", "hostB"));

        string said = Output.ToString();
        Assert.All(remedies.Split('|'), remedy => Assert.Contains(remedy, said, StringComparison.Ordinal));
        Assert.DoesNotContain(foreign, said, StringComparison.Ordinal);
        string[] lines = said.Split('\n');
        Assert.All(Enumerable.Range(0, lines.Length).Where(n => lines[n].StartsWith("FAIL", StringComparison.Ordinal)), n => Assert.Contains("→ ", lines[n + 1], StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("ID=debian", "apt install libvirt-daemon-system libvirt-clients; systemctl enable --now libvirtd")]
    [InlineData("ID=fedora", "dnf install libvirt-daemon-kvm libvirt-client; systemctl enable --now virtqemud.socket")]
    public void Without_libvirt_it_says_how_to_get_it(string release, string remedy)
    {
        BreakEverything(release);
        Virsh.Answer("refusal", "error: failed to connect to the hypervisor");

        Assert.Equal(1, Run("doctor"));

        Assert.Contains(remedy, Output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void JSON_has_the_same_findings()
    {
        Run("doctor");
        int lines = Output.ToString().Split('\n').Count(line => line.StartsWith("ok", StringComparison.Ordinal) || line.StartsWith("FAIL", StringComparison.Ordinal) || line.StartsWith("warn", StringComparison.Ordinal));
        Output.GetStringBuilder().Clear();

        Assert.Equal(1, Run("doctor", "--json"));

        using JsonDocument json = JsonDocument.Parse(Output.ToString());
        Assert.Equal(lines, json.RootElement.GetArrayLength());
        Assert.All(json.RootElement.EnumerateArray(), finding =>
            Assert.Contains(finding.GetProperty("verdict").GetString(), (string[])["ok", "warn", "fail"]));
    }

    [Fact]
    public void Peers_come_from_running_guests_and_from_the_command_line()
    {
        SidecarSays("hostB answers, both hosts trust each other", exitCode: 0);
        Virsh.Answer("list", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0\n\n");
        Virsh.Answer("live.xml", "<domain><metadata><h:protect xmlns:h='urn:hikae:domain:1' backup='hostB:7'/></metadata></domain>");

        Run("doctor", "--peer", "hostB:7", "--peer", "a b");

        Assert.Single(Output.ToString().Split('\n'), line => line.EndsWith("hostB answers, both hosts trust each other", StringComparison.Ordinal));
        Assert.Contains("\"a b\" is no host", Output.ToString(), StringComparison.Ordinal);
        Assert.Equal($"probe --config {Surroundings.ConfigurationFile} -- hostB:7\n", File.ReadAllText(Path.Combine(Root, "probes")));
    }

    [Fact]
    public void A_peer_that_is_not_trusted_fails_with_the_sidecars_sentence()
    {
        SidecarSays("No trust between this host and hostB: its certificate is another authority's", exitCode: 1);

        Assert.Equal(1, Run("doctor", "--peer", "hostB"));

        string[] lines = Output.ToString().Split('\n');
        int peer = Array.FindIndex(lines, line => line.StartsWith("FAIL  peer hostB", StringComparison.Ordinal));
        Assert.EndsWith("its certificate is another authority's", lines[peer], StringComparison.Ordinal);
        Assert.Contains("certificates of one authority", lines[peer + 1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_running_daemon_is_ok_and_a_bad_configuration_names_its_line()
    {
        using var daemon = new HikaedWithAnswers(Surroundings.ControlSocket, new Statuses([]));
        File.WriteAllText(Surroundings.ConfigurationFile, "[link]\nprot = 5\n");

        Run("doctor");

        Assert.Contains("running, knows 0 guests", Output.ToString(), StringComparison.Ordinal);
        Assert.Contains(":2: unknown key \"prot\" in [link]; the nearest valid key is \"port\"", Output.ToString(), StringComparison.Ordinal);
    }

    private void BreakEverything(string release)
    {
        Directory.CreateDirectory(Path.Combine(Surroundings.HostRoot, "etc"));
        File.WriteAllText(Path.Combine(Surroundings.HostRoot, "etc", "os-release"), release + "\n");
        File.WriteAllText(Surroundings.ConfigurationFile, "[arbiter]\ndirectory = /srv/shared/hikae\n");
        Virsh.Answer("version", "Running hypervisor: QEMU 7.2.22\nRunning against daemon: 8.0.0\n");
    }

    private void SidecarSays(string sentence, int exitCode)
    {
        File.WriteAllText(
            Surroundings.Sidecar,
            $"#!/bin/sh\necho \"$*\" >> {Path.Combine(Root, "probes")}\necho \"{sentence}\"\nexit {exitCode}\n");
        File.SetUnixFileMode(Surroundings.Sidecar, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
