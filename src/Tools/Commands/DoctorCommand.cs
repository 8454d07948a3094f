// SPDX-License-Identifier: LGPL-2.1-or-later
using System.CommandLine;
using System.Text.Json;
using Hikae.Protocol.Configuration;
using Hikae.Tools.Display;
using Hikae.Tools.Doctor;
using Hikae.Tools.Libvirt;

namespace Hikae.Tools.Commands;

/// <summary>hikae doctor: what stands in the way of protecting guests on this host, and how to mend it.</summary>
internal static class DoctorCommand
{
    internal static Command Build(Surroundings surroundings)
    {
        var json = new Option<bool>("--json") { Description = "Print the findings as JSON." };
        var peer = new Option<string[]>("--peer")
        {
            Description = "Check this host too: HOST or HOST:PORT. May be repeated. Backups of running guests are always checked.",
            HelpName = "HOST",
        };
        var command = new Command("doctor", "Check whether this host can protect guests, and say how to mend what is wrong.") { json, peer };
        command.SetAction(parsed => Run(surroundings, parsed.GetValue(json), parsed.GetValue(peer) ?? []));
        return command;
    }

    private static int Run(Surroundings surroundings, bool asJson, string[] peers)
    {
        IReadOnlyList<Finding> findings = [.. Examine(surroundings, peers)];
        if (asJson)
        {
            surroundings.Output.WriteLine(JsonSerializer.Serialize(findings, ToolsJsonContext.Default.IReadOnlyListFinding));
        }
        else
        {
            FindingList.Write(findings, surroundings.Output);
        }

        return findings.Any(finding => finding.Verdict == Verdict.Fail) ? ExitCode.Failed : ExitCode.Done;
    }

    private static IEnumerable<Finding> Examine(Surroundings surroundings, string[] peers)
    {
        var host = new HostFiles(surroundings.HostRoot);
        Distribution distribution = Distribution.Of(host);
        var virsh = new VirshProgram(surroundings.Virsh);
        (HikaeConfiguration configuration, Finding finding) = Configuration(surroundings.ConfigurationFile);
        IDoctorCheck[] checks =
        [
            new KernelCheck(host, distribution),
            new PostcopyCheck(host, distribution, surroundings.Setpriv),
            new LibvirtCheck(virsh, distribution),
            new LibraryCheck(host, distribution),
            new HookCheck(host, distribution),
            new DaemonCheck(host, surroundings.ControlSocket),
            new CertificateCheck(host, distribution, configuration.Link, TimeProvider.System),
            new ArbiterCheck(host, distribution, configuration.Arbiter),
            new PeerCheck(virsh, surroundings, distribution, configuration.Link.Port, peers),
        ];
        return checks.SelectMany(check => check.Run()).Prepend(finding);
    }

    /// <summary>With a file that cannot be followed the other checks go on with the defaults.</summary>
    private static (HikaeConfiguration Configuration, Finding Finding) Configuration(string file)
    {
        try
        {
            HikaeConfiguration configuration = ConfigurationFile.Read(file);
            return (configuration, Finding.Ok("configuration", $"this host is {configuration.HostName}"));
        }
        catch (Exception e) when (e is ConfigurationException or IOException or UnauthorizedAccessException)
        {
            return (new HikaeConfiguration(), Finding.Fail("configuration", e.Message, "mend the line; see man hikae.conf"));
        }
    }
}
