// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net;
using System.Net.Sockets;
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
        Assert.Contains("→ apt install qemu-system-x86", lines[qemu + 1], StringComparison.Ordinal);
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
        using var peer = new TcpListener(IPAddress.Loopback, 0);
        peer.Start();
        int port = ((IPEndPoint)peer.LocalEndpoint).Port;
        Virsh.Answer("list", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0\n\n");
        Virsh.Answer("live.xml", $"<domain><metadata><h:protect xmlns:h='urn:hikae:domain:1' backup='127.0.0.1:{port}'/></metadata></domain>");

        Run("doctor", "--peer", $"127.0.0.1:{port}", "--peer", "a b");

        Assert.Single(Output.ToString().Split('\n'), line => line.EndsWith($"port {port} answers", StringComparison.Ordinal));
        Assert.Contains("\"a b\" is no host", Output.ToString(), StringComparison.Ordinal);
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
}
